//! `purview decode`: what a frame says, for people and for programs.
//!
//! With `--jsonl` each line of input is one connection:
//!
//! ```text
//! {"frames":[{"hex":"…"}|{"text":"…"}|{"http":{"method":…,"uri":…,"headers":{…},"body":…}}|{"mqtt":{"topic":…,"payload":…}}],
//!  "transport":"tcp"|"udp","model":…,"options":{…}}
//! ```
//!
//! and each line of output says what its frames gave:
//!
//! ```text
//! {"frames":[{"records":[…],"replies":[{"hex":"…"}|{"http":{"status":200}}],"error":null}]}
//! ```
//!
//! `hex` and `text` are the bytes on the wire. A frame that is cut short is completed by the ones after it; a `text` may leave out
//! its last line ending. A sign of life that carries attributes is shown as a record without a fix. A line that cannot be read gives
//! `{"error":…}`, and the next line is read all the same.

mod fields;
mod input;
mod play;
mod show;

use input::{Frame, Line};
use play::Player;
use protocols::{Micros, Options, Protocol};
use std::io::{self, BufRead, Write};

/// So many frames before one are played again when it is taken apart: logins come first.
const CONTEXT_FRAMES_MAX: usize = 8;

/// A longer line of input is refused.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads connections line by line and writes what their frames gave, a line each.
///
/// # Errors
/// Reading or writing fails. A line that cannot be read is said in the output instead.
pub fn run_jsonl(
    protocol: Protocol,
    ignore_checksum: bool,
    now: Micros,
    mut reader: impl BufRead,
    mut writer: impl Write,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    while next_line(&mut reader, &mut bytes)? {
        let text = if bytes.len() > LINE_BYTES_MAX {
            show::error_line(&format!("the line is longer than {LINE_BYTES_MAX} bytes"))
        } else if bytes.trim_ascii().is_empty() {
            continue;
        } else {
            match Line::read(&bytes) {
                Ok(line) => play_line(protocol, ignore_checksum, now, &line),
                Err(problem) => show::error_line(&problem),
            }
        };
        writeln!(writer, "{text}")?;
    }
    writer.flush()
}

fn play_line(protocol: Protocol, ignore_checksum: bool, now: Micros, line: &Line) -> String {
    let settings: Vec<(&str, &str)> = line.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let options = Options { ignore_checksum, settings: &settings };
    let mut player = Player::new(protocol, now, line.model.as_deref(), options, line.datagram);
    let mut heard: Vec<play::Heard> = line.frames.iter().map(|frame| player.play(frame)).collect();
    if let (Some(last), Some(problem)) = (heard.last_mut(), player.left_over()) {
        last.error.get_or_insert(problem);
    }
    show::frames_line(&heard)
}

/// Decodes frames of one connection and writes what they say for people. A frame is hexadecimal digits; a text in double quotes with
/// `\r` and `\n`; `GET /uri` or `POST /uri BODY` for a protocol on HTTP; `TOPIC {…}` for one on MQTT. Without frames they are read from
/// `reader`, one a line. The answer is whether all of them could be read.
///
/// # Errors
/// Reading or writing fails.
pub fn run_human(
    protocol: Protocol,
    ignore_checksum: bool,
    now: Micros,
    frames: &[String],
    mut reader: impl BufRead,
    mut writer: impl Write,
) -> io::Result<bool> {
    let new = |ignore_checksum| Player::new(protocol, now, None, Options { ignore_checksum, ..Options::default() }, false);
    let mut player = new(ignore_checksum);
    let mut before: Vec<Frame> = Vec::new();
    let (mut number, mut all_read) = (0_usize, true);
    let mut one = |text: &str, player: &mut Player<'_>, writer: &mut dyn Write| -> io::Result<()> {
        number = number.saturating_add(1);
        let frame = match Frame::typed(protocol, text) {
            Ok(frame) => frame,
            Err(problem) => {
                all_read = false;
                return show::write_frame(number, &play::Heard { error: Some(problem), ..play::Heard::default() }, writer);
            }
        };
        let heard = player.play(&frame);
        all_read &= heard.error.is_none();
        show::write_frame(number, &heard, writer)?;
        // A decoder cannot be copied: one that has heard the same frames is in the same state.
        let as_far = |ignore_checksum| {
            let mut player = new(ignore_checksum);
            before.iter().for_each(|frame| drop(player.play(frame)));
            player
        };
        show::write_fields(&fields::fields(as_far, &frame), writer)?;
        if before.len() < CONTEXT_FRAMES_MAX {
            before.push(frame);
        }
        Ok(())
    };
    for text in frames {
        one(text, &mut player, &mut writer)?;
    }
    let mut bytes = Vec::new();
    while frames.is_empty() && next_line(&mut reader, &mut bytes)? {
        let text = String::from_utf8_lossy(bytes.get(..LINE_BYTES_MAX).unwrap_or(&bytes)).into_owned();
        if !text.trim().is_empty() {
            one(text.trim(), &mut player, &mut writer)?;
        }
    }
    if let Some(problem) = player.left_over() {
        all_read = false;
        writeln!(writer, "{problem}")?;
    }
    writer.flush()?;
    Ok(all_read)
}

/// The next line without its ending; of a line that is too long, its beginning. `false` at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = chunk.iter().position(|b| *b == b'\n');
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        let room = LINE_BYTES_MAX.saturating_add(1).saturating_sub(line.len());
        line.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
        let taken = end.map_or(chunk.len(), |at| at.saturating_add(1));
        reader.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests;
