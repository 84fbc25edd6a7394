//! What the families must know of a protocol beyond its code.

use protocols::{Protocol, Transport};

/// What a wire format can and cannot do.
#[derive(Clone, Copy)]
pub struct Facts {
    /// Some frames of the format are under a checksum: at least one dialogue must say `! checksum`.
    pub has_checksum: bool,
    /// The format can say a record without a fix.
    pub carries_no_fix: bool,
    /// The server's answers acknowledge records, so that the encoder counts one for each `records` call.
    pub acknowledges: fn(Transport) -> bool,
}

impl Facts {
    /// The facts of a protocol.
    pub fn of(protocol: Protocol) -> Self {
        let usual = Self { has_checksum: false, carries_no_fix: true, acknowledges: |transport| transport != Transport::Mqtt };
        match protocol {
            Protocol::Teltonika | Protocol::Gt06 | Protocol::Wialon => Self { has_checksum: true, ..usual },
            Protocol::H02 | Protocol::OsmAnd | Protocol::OwnTracks => usual,
        }
    }
}
