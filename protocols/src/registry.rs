//! What is looked up by protocol. The one table is in `lib.rs`.

use crate::{Addressee, CannotSay, Command, Environment, Identifier, Protocol};

/// How bytes arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A stream.
    Tcp,
    /// Datagrams.
    Udp,
    /// Requests.
    Http,
    /// Publications.
    Mqtt,
}

/// What guards the content of frames against damage on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing.
    None,
    /// A sum or an exclusive or: it finds each damaged byte, not each damaged pair.
    Sum,
    /// A cyclic code: it finds each damaged pair of bits too.
    Crc,
}

/// What a protocol says of itself: each module has one, named `ABOUT`.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The name users know.
    pub name: &'static str,
    /// The port users of such servers know.
    pub default_port: u16,
    /// The transports it rides on, the usual one first.
    pub transports: &'static [Transport],
    /// Those on which the server's answers acknowledge records, so that the encoder counts one for each `records` call. (On MQTT the
    /// broker's acknowledgement does.)
    pub acknowledges: &'static [Transport],
    /// What guards a frame's content.
    pub checksum: Checksum,
    /// The format can say a record without a fix.
    pub carries_no_fix: bool,
    /// The names of the settings that the decoder looks at ([`crate::Options::settings`]).
    pub settings: &'static [&'static str],
}

/// Makes the enum and everything that is looked up by it: adding a protocol is a module and a row here.
macro_rules! protocols {
    (($d:tt) $($variant:ident = $module:ident :: { $decoder:ident, $encoder:ident };)+) => {
        $(mod $module;)+

        /// A protocol that this gateway speaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Protocol {
            $(#[doc = concat!("`", stringify!($module), "`.")] $variant,)+
        }

        impl Protocol {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// What it says of itself.
            #[must_use]
            pub const fn about(self) -> &'static $crate::About {
                match self { $(Self::$variant => &$module::ABOUT,)+ }
            }

            /// A fresh decoder.
            #[must_use]
            pub fn decoder(self) -> alloc::boxed::Box<dyn crate::Decoder> {
                match self { $(Self::$variant => alloc::boxed::Box::new(<$module::$decoder>::default()),)+ }
            }

            /// A fresh encoder for a transport.
            #[must_use]
            pub fn encoder(self, transport: $crate::Transport) -> alloc::boxed::Box<dyn crate::Encoder> {
                match self { $(Self::$variant => alloc::boxed::Box::new(<$module::$encoder>::new(transport)),)+ }
            }
        }

        /// Calls a macro with the table's rows, `module = Variant, …`, for tests that have one function a protocol.
        #[macro_export]
        macro_rules! each_protocol {
            ($d callback:path) => { $d callback! { $($module = $variant),+ } };
        }
    };
}

impl Protocol {
    /// The name users know.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.about().name
    }

    /// The port users of such servers know.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        self.about().default_port
    }

    /// The transports it rides on, the usual one first.
    #[must_use]
    pub const fn transports(self) -> &'static [Transport] {
        self.about().transports
    }

    /// The kinds of commands that it can say to a device.
    #[must_use]
    pub fn commands(self) -> alloc::vec::Vec<&'static str> {
        let Some(identifier) = Identifier::new("123456789012345") else { return alloc::vec::Vec::new() };
        let to = Addressee { identifier: &identifier, password: None, env: Environment::default() };
        let mut decoder = self.decoder();
        Command::examples()
            .iter()
            .filter(|command| decoder.command(command, &to, &mut alloc::vec::Vec::new()) != Err(CannotSay::Unsupported))
            .map(Command::kind)
            .collect()
    }

    /// Finds a protocol by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|p| p.name() == name)
    }

    /// The number that is stored; it is the place in the table, so rows are only ever added at its end.
    #[must_use]
    pub fn number(self) -> u8 {
        Self::ALL.iter().position(|p| *p == self).and_then(|n| u8::try_from(n).ok()).unwrap_or(u8::MAX)
    }

    /// The protocol of a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
