//! The few packets of a server that only takes publications. MQTT 3.1.1 and 5.0 (OASIS standards).

/// A version that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V3,
    V5,
}

/// Why something is refused: the reason code of version 5, and a word for logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: u8,
    pub what: &'static str,
}

const fn refusal(code: u8, what: &'static str) -> Refusal {
    Refusal { code, what }
}

pub(super) const SUCCESS: u8 = 0x00;
pub(super) const MALFORMED: Refusal = refusal(0x81, "malformed packet");
pub(super) const PROTOCOL_ERROR: Refusal = refusal(0x82, "packet out of place");
pub(super) const VERSION: Refusal = refusal(0x84, "MQTT version");
pub(super) const CLIENT_ID: Refusal = refusal(0x85, "client id");
pub(super) const PASSWORD: Refusal = refusal(0x86, "password");
pub(super) const NOT_AUTHORIZED: Refusal = refusal(0x87, "unknown device");
pub(super) const NOT_DURABLE: Refusal = refusal(0x89, "not durable");
pub(super) const STOPPING: Refusal = refusal(0x8B, "stopping");
pub(super) const AUTHENTICATION_METHOD: Refusal = refusal(0x8C, "authentication method");
pub(super) const SILENT: Refusal = refusal(0x8D, "timed out");
pub(super) const TOPIC: Refusal = refusal(0x90, "topic");
pub(super) const TOPIC_ALIAS: Refusal = refusal(0x94, "topic alias");
pub(super) const TOO_LARGE: Refusal = refusal(0x95, "packet too large");
pub(super) const TOO_MANY_BAD: Refusal = refusal(0x96, "too many bad frames");
pub(super) const PAYLOAD: Refusal = refusal(0x99, "payload");
pub(super) const QOS: Refusal = refusal(0x9B, "QoS 2");

/// Where a packet stands in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Type and flags.
    pub first: u8,
    /// Bytes before the body.
    pub head: usize,
    /// Bytes in all.
    pub total: usize,
}

/// Finds the packet at the front. `None`: it is not whole yet.
pub(super) fn frame(bytes: &[u8], packet_bytes_max: usize) -> Result<Option<Frame>, Refusal> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let mut length = 0_usize;
    for (at, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            let head = at + 2;
            let total = head + length;
            if total > packet_bytes_max {
                return Err(TOO_LARGE);
            }
            return Ok((bytes.len() >= total).then_some(Frame { first, head, total }));
        }
    }
    if rest.len() >= 4 { Err(MALFORMED) } else { Ok(None) }
}

/// A client introduces itself. Its will is read past: nothing is ever published from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Connect<'a> {
    pub version: Version,
    pub clean: bool,
    pub keep_alive_s: u16,
    pub client_id: &'a str,
    pub password: Option<&'a [u8]>,
    pub wants_session: bool,
}

/// A publication. `packet_id` is there for QoS 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Publish<'a> {
    pub topic: &'a str,
    pub packet_id: Option<u16>,
    pub payload: &'a [u8],
}

/// What a client may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Publish(Publish<'a>),
    Subscribe { packet_id: u16, filters: usize },
    Unsubscribe { packet_id: u16, filters: usize },
    Ping,
    Disconnect,
}

/// The first packet. With an error comes the version in which it can be answered, if there is one.
pub(super) fn read_connect(first: u8, body: &[u8]) -> Result<Connect<'_>, (Option<Version>, Refusal)> {
    let mut reader = Reader(body);
    if first != 0x10 {
        return Err((None, PROTOCOL_ERROR));
    }
    let name = reader.binary().map_err(|error| (None, error))?;
    let level = reader.byte().map_err(|error| (None, error))?;
    let version = match (name, level) {
        (b"MQTT", 4) => Version::V3,
        (b"MQTT", 5) => Version::V5,
        (b"MQIsdp", 3) | (b"MQTT", 0..=3) => return Err((Some(Version::V3), VERSION)),
        (b"MQTT", _) => return Err((Some(Version::V5), VERSION)),
        _ => return Err((None, PROTOCOL_ERROR)),
    };
    read_connect_body(version, &mut reader).map_err(|error| (Some(version), error))
}

fn read_connect_body<'a>(version: Version, reader: &mut Reader<'a>) -> Result<Connect<'a>, Refusal> {
    let flags = reader.byte()?;
    let (will, will_qos) = (flags & 0x04 != 0, (flags >> 3) & 0x03);
    if flags & 0x01 != 0 || will_qos == 3 || (!will && flags & 0x38 != 0) {
        return Err(MALFORMED);
    }
    let keep_alive_s = reader.u16()?;
    let mut wants_session = false;
    if version == Version::V5 {
        reader.properties(|id, value| match id {
            0x11 => {
                wants_session = value != 0;
                Ok(())
            }
            0x15 => Err(AUTHENTICATION_METHOD),
            _ => Ok(()),
        })?;
    }
    let client_id = reader.text()?;
    if will {
        if version == Version::V5 {
            reader.properties(|_, _| Ok(()))?;
        }
        reader.text()?;
        reader.binary()?;
        if version == Version::V5 && will_qos == 2 {
            return Err(QOS);
        }
    }
    let user = flags & 0x80 != 0;
    if user {
        reader.text()?;
    }
    let password = if flags & 0x40 != 0 { Some(reader.binary()?) } else { None };
    if version == Version::V3 && password.is_some() && !user {
        return Err(MALFORMED);
    }
    reader.end()?;
    let clean = flags & 0x02 != 0;
    if version == Version::V3 && client_id.is_empty() && !clean {
        return Err(CLIENT_ID);
    }
    Ok(Connect { version, clean, keep_alive_s, client_id, password, wants_session })
}

/// Any later packet.
pub(super) fn read(version: Version, first: u8, body: &[u8]) -> Result<Packet<'_>, Refusal> {
    let mut reader = Reader(body);
    match first {
        0x30..=0x3F => read_publish(version, first, reader).map(Packet::Publish),
        0x82 | 0xA2 => {
            let packet_id = reader.packet_id()?;
            if version == Version::V5 {
                reader.properties(|_, _| Ok(()))?;
            }
            let mut filters = 0;
            while !reader.0.is_empty() {
                if reader.text()?.is_empty() {
                    return Err(MALFORMED);
                }
                if first == 0x82 {
                    reader.byte()?;
                }
                filters += 1;
            }
            match (first, filters) {
                (_, 0) => Err(PROTOCOL_ERROR),
                (0x82, _) => Ok(Packet::Subscribe { packet_id, filters }),
                _ => Ok(Packet::Unsubscribe { packet_id, filters }),
            }
        }
        0xC0 if body.is_empty() => Ok(Packet::Ping),
        0xE0 if version == Version::V5 || body.is_empty() => Ok(Packet::Disconnect),
        // Answers to what was never sent from here, a second CONNECT, or nothing that a client says.
        _ => Err(PROTOCOL_ERROR),
    }
}

fn read_publish(version: Version, first: u8, mut reader: Reader<'_>) -> Result<Publish<'_>, Refusal> {
    let topic = reader.text()?;
    let packet_id = match (first >> 1) & 0x03 {
        0 => None,
        1 => Some(reader.packet_id()?),
        2 => return Err(QOS),
        _ => return Err(MALFORMED),
    };
    if version == Version::V5 {
        // None was offered in the CONNACK.
        reader.properties(|id, _| if id == 0x23 { Err(TOPIC_ALIAS) } else { Ok(()) })?;
    }
    if topic.is_empty() || topic.contains(['+', '#']) {
        return Err(TOPIC);
    }
    Ok(Publish { topic, packet_id, payload: reader.0 })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(MALFORMED)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Refusal> {
        self.take(1).map(|taken| taken[0])
    }

    fn u16(&mut self) -> Result<u16, Refusal> {
        self.take(2).map(|taken| u16::from_be_bytes([taken[0], taken[1]]))
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        self.take(4).map(|taken| u32::from_be_bytes([taken[0], taken[1], taken[2], taken[3]]))
    }

    fn packet_id(&mut self) -> Result<u16, Refusal> {
        self.u16().and_then(|id| if id == 0 { Err(MALFORMED) } else { Ok(id) })
    }

    fn binary(&mut self) -> Result<&'a [u8], Refusal> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    fn text(&mut self) -> Result<&'a str, Refusal> {
        let text = core::str::from_utf8(self.binary()?).map_err(|_| MALFORMED)?;
        if text.contains('\0') { Err(MALFORMED) } else { Ok(text) }
    }

    fn varint(&mut self) -> Result<u32, Refusal> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(MALFORMED)
    }

    /// Walks the properties; a number is handed on as such, anything else as its length.
    fn properties(&mut self, mut see: impl FnMut(u32, u32) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let length = self.varint()?;
        let mut inside = Reader(self.take(usize::try_from(length).map_err(|_| MALFORMED)?)?);
        while !inside.0.is_empty() {
            let id = inside.varint()?;
            let value = match id {
                0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A => u32::from(inside.byte()?),
                0x13 | 0x21..=0x23 => u32::from(inside.u16()?),
                0x02 | 0x11 | 0x18 | 0x27 => inside.u32()?,
                0x0B => inside.varint()?,
                0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F => inside.text()?.len() as u32,
                0x09 | 0x16 => inside.binary()?.len() as u32,
                0x26 => (inside.text()?.len() + inside.text()?.len()) as u32,
                _ => return Err(MALFORMED),
            };
            see(id, value)?;
        }
        Ok(())
    }

    fn end(&self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(MALFORMED) }
    }
}

/// What a client of version 5 is told when it is let in.
#[derive(Clone, Debug, Default)]
pub(super) struct Welcome {
    pub receive_max: u16,
    pub packet_bytes_max: u32,
    /// In force instead of what the client asked for.
    pub keep_alive_s: Option<u16>,
    /// For a client that named itself not.
    pub client_id: Option<String>,
    /// It asked for a session to be kept; none is.
    pub wants_session: bool,
}

pub(super) fn accepted(version: Version, welcome: &Welcome) -> Vec<u8> {
    if version == Version::V3 {
        return vec![0x20, 2, 0, SUCCESS];
    }
    let mut properties = vec![0x24, 1];
    properties.push(0x21);
    properties.extend(welcome.receive_max.max(1).to_be_bytes());
    properties.push(0x27);
    properties.extend(welcome.packet_bytes_max.max(1).to_be_bytes());
    // Nothing can be subscribed to: neither with wildcards, nor with identifiers, nor shared.
    properties.extend([0x28, 0, 0x29, 0, 0x2A, 0]);
    if welcome.wants_session {
        properties.extend([0x11, 0, 0, 0, 0]);
    }
    if let Some(seconds) = welcome.keep_alive_s {
        properties.push(0x13);
        properties.extend(seconds.to_be_bytes());
    }
    if let Some(id) = &welcome.client_id {
        properties.extend([0x12, 0, id.len().min(64) as u8]);
        properties.extend(id.bytes().take(64));
    }
    let mut packet = vec![0x20, properties.len() as u8 + 3, 0, SUCCESS, properties.len() as u8];
    packet.extend(properties);
    packet
}

pub(super) fn refused(version: Version, refusal: Refusal) -> Vec<u8> {
    match version {
        Version::V5 => vec![0x20, 3, 0, refusal.code, 0],
        Version::V3 => {
            let code = match refusal {
                VERSION => 1,
                CLIENT_ID => 2,
                PASSWORD => 4,
                NOT_AUTHORIZED => 5,
                _ => 3,
            };
            vec![0x20, 2, 0, code]
        }
    }
}

pub(super) fn puback(version: Version, packet_id: u16, code: u8) -> Vec<u8> {
    let [high, low] = packet_id.to_be_bytes();
    if version == Version::V3 || code == SUCCESS { vec![0x40, 2, high, low] } else { vec![0x40, 3, high, low, code] }
}

/// There is nothing that a device could subscribe to.
pub(super) fn suback(version: Version, packet_id: u16, filters: usize) -> Vec<u8> {
    match version {
        Version::V3 => listed(0x90, packet_id, &[], filters, 0x80),
        Version::V5 => listed(0x90, packet_id, &[0], filters, NOT_AUTHORIZED.code),
    }
}

pub(super) fn unsuback(version: Version, packet_id: u16, filters: usize) -> Vec<u8> {
    match version {
        Version::V3 => listed(0xB0, packet_id, &[], 0, 0),
        Version::V5 => listed(0xB0, packet_id, &[0], filters, 0x11),
    }
}

fn listed(first: u8, packet_id: u16, properties: &[u8], codes: usize, code: u8) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = 2 + properties.len() + codes;
    loop {
        let more = if length > 0x7F { 0x80 } else { 0 };
        packet.push((length & 0x7F) as u8 | more);
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    packet.extend(packet_id.to_be_bytes());
    packet.extend_from_slice(properties);
    packet.resize(packet.len() + codes, code);
    packet
}

pub(super) const PINGRESP: [u8; 2] = [0xD0, 0];

/// Only version 5 has it.
pub(super) const fn disconnect(refusal: Refusal) -> [u8; 3] {
    [0xE0, 1, refusal.code]
}

#[cfg(test)]
mod tests;
