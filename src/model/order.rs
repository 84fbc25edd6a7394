//! The recorded order.

use policy::Seq;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where an item stands in the one order in which everything was recorded: the journal entry that caused it, and which of
/// the items of that entry it is. A replay gives the same item the same order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Order {
    /// The journal entry.
    pub seq: Seq,
    /// 0 for the entry itself (a position), 1, 2, … for what followed from it.
    pub ordinal: u32,
}

/// The identity of a visit or an alert, made from the order that began it, so that a replay makes it again the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub Uuid);

impl EventId {
    /// The id of what began at `order`, in the journal whose identity is `journal`. A keyed hash: it tells nothing of how much
    /// other accounts record.
    #[must_use]
    pub fn of(journal: &[u8; 16], order: Order) -> Self {
        use sha2::{Digest, Sha256};
        let digest =
            Sha256::new().chain_update(journal).chain_update(order.seq.to_le_bytes()).chain_update(order.ordinal.to_le_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(Uuid::new_v8(bytes))
    }
}
