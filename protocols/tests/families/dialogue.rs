//! A dialogue between a tracker (`>`) and us (`<`), as a text file:
//!
//! ```text
//! # source: where these bytes are from                 mandatory; other lines with # are comments
//! ! transport udp                                      tcp (usual), udp, http, mqtt
//! ! now 2026-08-21T16:18:51Z                           the clock the decoder is given (this is the usual one)
//! ! model VL103                                        the device's model
//! ! option long_date true                              a setting of the device; `ignore_checksum true` for a spoilt recording
//! ! checksum                                           every frame here is under a checksum
//! ! uncovered 0..3                                     bytes of each frame that it does not cover or that say its length
//! ! uncovered -2..0                                    the same, counted from the end
//! > 000f 3335…                                         the tracker's bytes; for udp one packet
//! > "#P#\r\n"                                          the same as text; escapes \r \n \" \\ \xNN
//! > POST /?id=1                                        http: a request, then any of:
//! >h Content-Type: application/json
//! >b {"lat":1}
//! >t owntracks/user/device                             mqtt: a topic, then >b, the payload
//! < 01                                                 our reply: bytes, text, or a status (then the body as text)
//! ```
//!
//! Beside `NAME.dialogue` stands `NAME.jsonl`, the messages, one a line.

use protocols::{Micros, Transport, from_rfc3339, wire};
use std::path::{Path, PathBuf};

/// The clock of the recordings, and ours.
pub const USUAL_NOW: Micros = crate::recordings::NOW;

/// What the tracker sends.
#[derive(Clone, Debug)]
pub enum Said {
    Bytes(Vec<u8>),
    Http { method: String, uri: String, headers: Vec<(String, String)>, body: Vec<u8> },
    Mqtt { topic: String, payload: Vec<u8> },
}

/// What we answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Bytes(Vec<u8>),
    Http { status: u16, body: Vec<u8> },
}

/// One thing said, and what is answered to it.
#[derive(Clone, Debug)]
pub struct Step {
    pub said: Said,
    pub answers: Vec<Answer>,
}

/// A parsed file.
#[derive(Clone, Debug)]
pub struct Dialogue {
    pub path: PathBuf,
    pub transport: Transport,
    pub now: Micros,
    pub model: Option<String>,
    pub ignore_checksum: bool,
    pub settings: Vec<(String, String)>,
    pub checksum: bool,
    /// Places from (first, end), negative ones and an end of 0 counted from the end of the frame.
    pub uncovered: Vec<(i64, i64)>,
    pub steps: Vec<Step>,
}

impl Dialogue {
    /// Whether the checksum covers that byte of a frame of that length.
    pub fn covers(&self, at: usize, length: usize) -> bool {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        let from_start = |place: i64| if place < 0 { length + place } else { place };
        let is_in = |(from, to): &(i64, i64)| at >= from_start(*from) && at < if *to <= 0 { length + to } else { *to };
        self.checksum && !self.uncovered.iter().any(is_in)
    }
}

/// All dialogues of a protocol, by name.
pub fn load(protocol: &str) -> Vec<Dialogue> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(protocol);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.extension().is_some_and(|e| e == "dialogue")).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            parse(path.clone(), &text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
        })
        .collect()
}

/// Reads a dialogue.
pub fn parse(path: PathBuf, text: &str) -> Result<Dialogue, String> {
    let mut dialogue = Dialogue {
        path,
        transport: Transport::Tcp,
        now: USUAL_NOW,
        model: None,
        ignore_checksum: false,
        settings: Vec::new(),
        checksum: false,
        uncovered: Vec::new(),
        steps: Vec::new(),
    };
    let mut has_source = false;
    for (index, line) in text.lines().enumerate() {
        let place = |problem: &str| format!("line {}: {problem}", index + 1);
        if let Some(comment) = line.strip_prefix('#') {
            has_source |= comment.trim_start().strip_prefix("source:").is_some_and(|s| !s.trim().is_empty());
        } else if !line.trim().is_empty() {
            take_line(&mut dialogue, line).map_err(|problem| place(&problem))?;
        }
    }
    if !has_source {
        return Err("no line `# source: …`: a fixture says where it is from".into());
    }
    if dialogue.steps.is_empty() {
        return Err("nothing is said".into());
    }
    Ok(dialogue)
}

fn take_line(dialogue: &mut Dialogue, line: &str) -> Result<(), String> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "!" => directive(dialogue, rest.trim()),
        ">" => {
            let said = match dialogue.transport {
                Transport::Http => {
                    let (method, uri) = rest.trim().split_once(' ').ok_or("a request is `> METHOD uri`")?;
                    Said::Http { method: method.into(), uri: uri.into(), headers: Vec::new(), body: Vec::new() }
                }
                Transport::Mqtt => return Err("mqtt is `>t topic` and `>b payload`".into()),
                Transport::Tcp | Transport::Udp => Said::Bytes(bytes(rest.trim())?),
            };
            dialogue.steps.push(Step { said, answers: Vec::new() });
            Ok(())
        }
        ">t" => {
            let said = Said::Mqtt { topic: rest.trim().into(), payload: Vec::new() };
            dialogue.steps.push(Step { said, answers: Vec::new() });
            Ok(())
        }
        ">h" | ">b" => {
            let said = &mut dialogue.steps.last_mut().ok_or("it belongs to a request or publication")?.said;
            match (word, said) {
                (">h", Said::Http { headers, .. }) => {
                    let (name, value) = rest.split_once(':').ok_or("a header is `>h Name: value`")?;
                    headers.push((name.trim().into(), value.trim().into()));
                }
                (">b", Said::Http { body: part, .. } | Said::Mqtt { payload: part, .. }) => part.extend_from_slice(rest.as_bytes()),
                _ => return Err(format!("`{word}` does not belong here")),
            }
            Ok(())
        }
        "<" => {
            let answer = answer(dialogue.transport, rest.trim())?;
            dialogue.steps.last_mut().ok_or("nothing was said yet")?.answers.push(answer);
            Ok(())
        }
        other => Err(format!("a line does not begin with `{other}`")),
    }
}

fn directive(dialogue: &mut Dialogue, text: &str) -> Result<(), String> {
    let (word, value) = text.split_once(' ').unwrap_or((text, ""));
    match (word, value) {
        ("transport", "tcp") => dialogue.transport = Transport::Tcp,
        ("transport", "udp") => dialogue.transport = Transport::Udp,
        ("transport", "http") => dialogue.transport = Transport::Http,
        ("transport", "mqtt") => dialogue.transport = Transport::Mqtt,
        ("now", time) => dialogue.now = from_rfc3339(time).ok_or_else(|| format!("no time: {time}"))?,
        ("model", model) if !model.is_empty() => dialogue.model = Some(model.into()),
        ("option", "ignore_checksum true") => dialogue.ignore_checksum = true,
        ("option", setting) if setting.contains(' ') => {
            dialogue.settings.extend(setting.split_once(' ').map(|(name, value)| (name.into(), value.into())));
        }
        ("checksum", "") => dialogue.checksum = true,
        ("uncovered", range) => {
            let (from, to) = range.split_once("..").ok_or("uncovered FROM..TO")?;
            let place = |text: &str| text.parse().map_err(|e| format!("{text}: {e}"));
            dialogue.uncovered.push((place(from)?, place(to)?));
        }
        _ => return Err(format!("unknown: ! {text}")),
    }
    Ok(())
}

fn answer(transport: Transport, text: &str) -> Result<Answer, String> {
    if transport != Transport::Http {
        return bytes(text).map(Answer::Bytes);
    }
    let (status, body) = text.split_once(' ').unwrap_or((text, "\"\""));
    let status = status.parse().map_err(|_| format!("no status: {status}"))?;
    Ok(Answer::Http { status, body: bytes(body.trim())? })
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let Some(quoted) = text.strip_prefix('"') else {
        return wire::from_hex(text).filter(|b| !b.is_empty()).ok_or_else(|| format!("no hexadecimal digits: {text}"));
    };
    let quoted = quoted.strip_suffix('"').ok_or("the text does not end")?;
    let mut out = Vec::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match chars.next() {
            Some('r') => out.push(b'\r'),
            Some('n') => out.push(b'\n'),
            Some('"') => out.push(b'"'),
            Some('\\') => out.push(b'\\'),
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&digits, 16).map_err(|_| format!("no byte: \\x{digits}"))?);
            }
            other => return Err(format!("no escape: \\{}", other.unwrap_or(' '))),
        }
    }
    Ok(out)
}

#[test]
fn the_form_is_read() {
    let text = "# source: here\n! transport udp\n! now 2024-01-01T00:00:00Z\n! checksum\n> \"a\\r\\n\\x01\\\"é\"\n< 00ff\n> 01 02\n";
    let dialogue = parse(PathBuf::new(), text).unwrap();
    assert_eq!(dialogue.transport, Transport::Udp);
    assert_eq!(dialogue.now, 1_704_067_200_000_000);
    assert!(dialogue.checksum);
    assert!(matches!(&dialogue.steps[0].said, Said::Bytes(b) if b == b"a\r\n\x01\"\xc3\xa9"));
    assert_eq!(dialogue.steps[0].answers, [Answer::Bytes(vec![0, 255])]);
    let text = "# source: here\n! transport http\n> GET /?a=1\n>h A: b\n>b {\n>b }\n< 200 \"[]\"\n";
    let dialogue = parse(PathBuf::new(), text).unwrap();
    assert!(matches!(&dialogue.steps[0].said, Said::Http { headers, body, .. } if headers.len() == 1 && body == b"{}"));
    assert_eq!(dialogue.steps[0].answers, [Answer::Http { status: 200, body: b"[]".to_vec() }]);
}

#[test]
fn a_fixture_without_a_source_is_refused() {
    for text in
        ["> 00\n", "# source:\n> 00\n", "# source: x\n", "# source: x\n> 0\n", "# source: x\n> 00\n! colour red\n", "# source: x\n< 00\n"]
    {
        assert!(parse(PathBuf::new(), text).is_err(), "{text}");
    }
}
