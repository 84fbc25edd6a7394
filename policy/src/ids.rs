//! Who and what is named: dense numbers inside, never shown outside.

macro_rules! ids {
    ($($(#[$about:meta])* $name:ident;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// An account: the tenant. Nothing is ever seen across two of them.
    AccountId;
    /// A user: owner, team member or sub-user.
    UserId;
    /// A role: a named set of rights with a history window.
    RoleId;
    /// A device: a tracker or a beacon.
    DeviceId;
    /// A geofence.
    GeofenceId;
    /// A place (point of interest).
    PlaceId;
    /// An alert rule.
    RuleId;
}

/// Microseconds: of UTC since 1970 where an instant is meant, of length where a window is.
pub type Micros = i64;
/// A place in the recorded order.
pub type Seq = u64;
/// A state of the directory.
pub type Epoch = u64;
