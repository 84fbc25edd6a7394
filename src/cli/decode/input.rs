//! A line of input, and a frame as a person types it.

use protocols::{Options, Protocol, Transport, wire};
use serde_json::{Map, Value};

/// One connection.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    pub frames: Vec<Frame>,
    pub datagram: bool,
    pub model: Option<String>,
    /// Settings of the device, as `Options` spells them.
    pub settings: Vec<(String, String)>,
}

/// What the tracker sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Bytes(Vec<u8>),
    /// Text may lack its last line ending.
    Text(String),
    Http {
        method: String,
        uri: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    Mqtt {
        topic: String,
        payload: Vec<u8>,
    },
}

impl Line {
    /// Reads a line, or says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(bytes).map_err(|e| format!("no JSON: {e}"))?;
        let object = json.as_object().ok_or("the line is not an object")?;
        let frames = object.get("frames").ok_or("`frames` is missing")?.as_array().ok_or("`frames` is not a list")?;
        let frames = frames
            .iter()
            .enumerate()
            .map(|(index, frame)| Frame::read(frame).map_err(|problem| format!("frames[{index}]: {problem}")))
            .collect::<Result<Vec<_>, _>>()?;
        let datagram = match present(object, "transport") {
            None => false,
            Some(Value::String(name)) if matches!(name.as_str(), "tcp" | "http" | "mqtt") => false,
            Some(Value::String(name)) if name == "udp" => true,
            Some(other) => return Err(format!("`transport` is neither \"tcp\" nor \"udp\" but {other}")),
        };
        let model = text(object, "model")?;
        let mut line = Self { frames, datagram, model, settings: Vec::new() };
        line.read_options(object)?;
        Ok(line)
    }

    /// Options as recordings name them, with or without the protocol's name before them.
    fn read_options(&mut self, object: &Map<String, Value>) -> Result<(), String> {
        let Some(options) = present(object, "options") else { return Ok(()) };
        for (name, value) in options.as_object().ok_or("`options` is not an object")? {
            let ours = Options::setting_name(name);
            let known = Protocol::ALL.iter().any(|protocol| protocol.about().settings.contains(&ours.as_str()));
            match value {
                Value::Null | Value::Bool(false) => {}
                Value::Bool(true) if ours == "connectionless" => self.datagram = true,
                _ if !known => return Err(format!("options: `{name}` is not known")),
                Value::String(text) => self.settings.push((ours, text.clone())),
                Value::Bool(_) | Value::Number(_) => self.settings.push((ours, value.to_string())),
                other => return Err(format!("options: `{name}` is neither text, number nor true but {other}")),
            }
        }
        Ok(())
    }
}

impl Frame {
    fn read(json: &Value) -> Result<Self, String> {
        let object = json.as_object().ok_or("a frame is an object")?;
        if let Some(digits) = text(object, "hex")? {
            return hex("hex", &digits).map(Self::Bytes);
        }
        if let Some(text) = text(object, "text")? {
            return Ok(Self::Text(text));
        }
        match (present(object, "http"), present(object, "mqtt")) {
            (Some(request), _) => Self::read_http(request.as_object().ok_or("`http` is not an object")?),
            (None, Some(publication)) => {
                let publication = publication.as_object().ok_or("`mqtt` is not an object")?;
                let topic = text(publication, "topic")?.ok_or("mqtt: `topic` is missing")?;
                let payload = body(publication, "payload", "payload_hex")?;
                Ok(Self::Mqtt { topic, payload })
            }
            (None, None) => Err("a frame has one of `hex`, `text`, `http`, `mqtt`".into()),
        }
    }

    fn read_http(request: &Map<String, Value>) -> Result<Self, String> {
        let mut headers = Vec::new();
        if let Some(list) = present(request, "headers") {
            for (name, value) in list.as_object().ok_or("http: `headers` is not an object")? {
                let value = value.as_str().ok_or_else(|| format!("http: the header `{name}` is not text"))?;
                headers.push((name.clone(), value.to_owned()));
            }
        }
        Ok(Self::Http {
            method: text(request, "method")?.unwrap_or_else(|| "GET".into()),
            uri: text(request, "uri")?.ok_or("http: `uri` is missing")?,
            headers,
            body: body(request, "body", "body_hex")?,
        })
    }

    /// A frame as it is typed on the command line.
    pub fn typed(protocol: Protocol, text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(quoted) = text.strip_prefix('"') {
            let quoted = quoted.strip_suffix('"').unwrap_or(quoted);
            return Ok(Self::Text(quoted.replace("\\r", "\r").replace("\\n", "\n")));
        }
        if let Some(bytes) = wire::from_hex(text).filter(|b| !b.is_empty()) {
            return Ok(Self::Bytes(bytes));
        }
        let has = |transport| protocol.transports().contains(&transport);
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if has(Transport::Http) && matches!(word, "GET" | "POST" | "PUT") {
            let (uri, body) = rest.split_once(' ').unwrap_or((rest, ""));
            return Ok(Self::Http { method: word.into(), uri: uri.into(), headers: Vec::new(), body: body.into() });
        }
        if has(Transport::Mqtt) && rest.starts_with('{') {
            return Ok(Self::Mqtt { topic: word.into(), payload: rest.into() });
        }
        if has(Transport::Tcp) && text.starts_with(['#', '*', '(', '$']) {
            return Ok(Self::Text(text.into()));
        }
        Err("neither hexadecimal digits, nor text in quotes, nor a request or publication of this protocol".into())
    }
}

fn present<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|v| !v.is_null())
}

fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match present(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(format!("`{name}` is not text but {other}")),
    }
}

fn hex(name: &str, digits: &str) -> Result<Vec<u8>, String> {
    wire::from_hex(digits).ok_or_else(|| format!("`{name}` is not an even number of hexadecimal digits"))
}

/// Text, or bytes as digits. JSON that is given as itself is taken as its text.
fn body(object: &Map<String, Value>, name: &str, name_hex: &str) -> Result<Vec<u8>, String> {
    if let Some(digits) = text(object, name_hex)? {
        return hex(name_hex, &digits);
    }
    match present(object, name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.clone().into_bytes()),
        Some(json @ (Value::Object(_) | Value::Array(_))) => Ok(json.to_string().into_bytes()),
        Some(other) => Err(format!("`{name}` is not text but {other}")),
    }
}
