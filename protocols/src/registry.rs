//! What is looked up by protocol. The one table is in `lib.rs`.

use crate::Protocol;

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

/// The transports of a protocol, the usual one first.
pub type Transports = &'static [Transport];

/// Makes the enum and everything that is looked up by it: adding a protocol is a module and a row here.
macro_rules! protocols {
    ($($variant:ident = $module:ident, $name:literal, $port:literal, [$($transport:ident),+], $decoder:path, $encoder:path;)+) => {
        $(mod $module;)+

        /// A protocol that this gateway speaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Protocol {
            $(#[doc = concat!("`", $name, "`.")] $variant,)+
        }

        impl Protocol {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name users know.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The port users of such servers know.
            #[must_use]
            pub const fn default_port(self) -> u16 {
                match self { $(Self::$variant => $port,)+ }
            }

            /// The transports it rides on.
            #[must_use]
            pub const fn transports(self) -> $crate::Transports {
                match self { $(Self::$variant => &[$(Transport::$transport),+],)+ }
            }

            /// A fresh decoder.
            #[must_use]
            pub fn decoder(self) -> alloc::boxed::Box<dyn crate::Decoder> {
                match self { $(Self::$variant => alloc::boxed::Box::new(<$decoder>::default()),)+ }
            }

            /// A fresh encoder for a transport.
            #[must_use]
            pub fn encoder(self, transport: $crate::Transport) -> alloc::boxed::Box<dyn crate::Encoder> {
                match self { $(Self::$variant => alloc::boxed::Box::new(<$encoder>::new(transport)),)+ }
            }
        }
    };
}

impl Protocol {
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
