//! As much of HTTP/1.1 (RFC 9112) as trackers on HTTP speak: whole requests and responses whose length is in `Content-Length`.

use crate::{DecodeError, Decoder, Environment, HttpRequest, Input, Message, Progress, Release, Replies, Reply, ReplyBody};
use alloc::format;
use alloc::vec::Vec;
use bytes::{Buf, Bytes, BytesMut};

/// The longest start line with all headers.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Takes one request from a stream and gives it to the decoder's `accept`.
pub(crate) fn decode_stream(
    decoder: &mut dyn Decoder,
    bytes: &mut BytesMut,
    env: &Environment<'_>,
    out: &mut Vec<Message>,
    replies: &mut Replies,
) -> Result<Progress, DecodeError> {
    let body_bytes_max = decoder.frame_bytes_max(true);
    let Some((head, body)) = take_message(bytes, body_bytes_max).inspect_err(|_| refuse(replies))? else {
        return Ok(Progress::NeedMore);
    };
    let Some((method, uri, headers)) = core::str::from_utf8(&head).ok().and_then(parse_request) else {
        refuse(replies);
        return Err(DecodeError::fatal("no HTTP request"));
    };
    let request = HttpRequest { method, uri, headers: &headers, body: &body };
    decoder.accept(&Input::Http(request), env, out, replies).map(|()| Progress::Frame)
}

/// Answers at once that the request cannot be read.
pub(crate) fn refuse(replies: &mut Replies) {
    replies.push(Reply { body: ReplyBody::Http { status: 400, body: b"" }, release: Release::Now, refused: None });
}

/// Answers `200` when the records are durable, `400` if the device is unknown.
pub(crate) fn acknowledge(replies: &mut Replies, body: &'static [u8]) {
    acknowledge_or(replies, body, 400);
}

/// The same, with another status for an unknown device.
pub(crate) fn acknowledge_or(replies: &mut Replies, body: &'static [u8], refusal: u16) {
    replies.push_made(|| {
        let refused = Some(ReplyBody::Http { status: refusal, body: b"" });
        Reply { body: ReplyBody::Http { status: 200, body }, release: Release::Durable, refused }
    });
}

/// Counts whole responses at the front of `bytes` and takes them out. Another status than 2xx is a refusal.
pub(crate) fn take_responses(bytes: &mut BytesMut, body_bytes_max: usize) -> Result<usize, DecodeError> {
    let mut count = 0_usize;
    while let Some((head, _)) = take_message(bytes, body_bytes_max)? {
        let status = core::str::from_utf8(&head).ok().and_then(|head| head.strip_prefix("HTTP/1.")?.split(' ').nth(1));
        match status {
            Some(status) if status.len() == 3 && status.starts_with('2') => count = count.saturating_add(1),
            Some(_) => return Err(DecodeError::skipped("the server refuses")),
            None => return Err(DecodeError::fatal("no HTTP response")),
        }
    }
    Ok(count)
}

/// Appends a whole request whose connection stays open.
pub(crate) fn write_post(uri: &str, content_type: &str, headers: &[(&str, &str)], body: &[u8], out: &mut Vec<u8>) {
    let length = body.len();
    let head = format!("POST {uri} HTTP/1.1\r\nHost: gateway\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n");
    out.extend_from_slice(head.as_bytes());
    for (name, value) in headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

/// Start line with headers, and body, if both are there.
fn take_message(bytes: &mut BytesMut, body_bytes_max: usize) -> Result<Option<(Bytes, Bytes)>, DecodeError> {
    let seen = bytes.get(..bytes.len().min(HEAD_BYTES_MAX)).unwrap_or_default();
    let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") else {
        return if bytes.len() >= HEAD_BYTES_MAX { Err(DecodeError::fatal("HTTP head too long")) } else { Ok(None) };
    };
    let length = body_length(seen.get(..end).unwrap_or_default())?;
    if length > body_bytes_max {
        return Err(DecodeError::fatal("HTTP body too long"));
    }
    let head_length = end.saturating_add(4);
    if bytes.len() < head_length.saturating_add(length) {
        return Ok(None);
    }
    let mut head = bytes.split_to(head_length).freeze();
    head.truncate(end);
    let body = bytes.split_to(length).freeze();
    while matches!(bytes.first(), Some(b'\r' | b'\n')) {
        bytes.advance(1);
    }
    Ok(Some((head, body)))
}

fn body_length(head: &[u8]) -> Result<usize, DecodeError> {
    let mut length = 0;
    for line in head.split(|b| *b == b'\n').skip(1) {
        let mut parts = line.splitn(2, |b| *b == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default().trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(DecodeError::fatal("HTTP body without a length"));
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = core::str::from_utf8(value).ok().filter(|v| v.bytes().all(|b| b.is_ascii_digit()));
            length = digits.and_then(|v| v.parse().ok()).ok_or(DecodeError::fatal("HTTP body without a length"))?;
        }
    }
    Ok(length)
}

type Head<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

fn parse_request(head: &str) -> Option<Head<'_>> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, uri, version) = (words.next()?, words.next()?, words.next()?);
    if method.is_empty() || uri.is_empty() || !version.starts_with("HTTP/1.") {
        return None;
    }
    let pairs = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim()));
    // Counted first: a list that grows takes up to twice the memory, and a header may have three bytes.
    let mut headers = Vec::with_capacity(pairs.clone().count());
    headers.extend(pairs);
    Some((method, uri, headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_whole_and_only_whole() {
        let mut bytes = BytesMut::from(&b"POST /a?b HTTP/1.1\r\nA: b\r\ncontent-LENGTH: 2\r\n\r\nxyGET"[..]);
        let (head, body) = take_message(&mut bytes, 10).unwrap().unwrap();
        let (method, uri, headers) = parse_request(core::str::from_utf8(&head).unwrap()).unwrap();
        assert_eq!((method, uri, &body[..], &bytes[..]), ("POST", "/a?b", &b"xy"[..], &b"GET"[..]));
        assert_eq!(headers, [("A", "b"), ("content-LENGTH", "2")]);
        assert_eq!(take_message(&mut bytes, 10), Ok(None));
    }

    #[test]
    fn what_is_too_long_or_has_no_length_is_refused() {
        let refused = |text: &str| take_message(&mut BytesMut::from(text), 10).unwrap_err().what;
        assert_eq!(refused("GET / HTTP/1.1\r\nContent-Length: 11\r\n\r\n"), "HTTP body too long");
        assert_eq!(refused("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"), "HTTP body without a length");
        assert_eq!(refused("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), "HTTP body without a length");
        assert_eq!(refused("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), "HTTP body without a length");
        assert_eq!(refused(&"x".repeat(HEAD_BYTES_MAX)), "HTTP head too long");
    }

    #[test]
    fn responses_are_counted_and_a_refusal_is_an_error() {
        let mut bytes = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 2");
        assert_eq!(take_responses(&mut bytes, 10), Ok(2));
        assert_eq!(&bytes[..], b"HTTP/1.1 2");
        assert_eq!(take_responses(&mut BytesMut::from("HTTP/1.1 400 Bad\r\n\r\n"), 10).unwrap_err().what, "the server refuses");
    }
}
