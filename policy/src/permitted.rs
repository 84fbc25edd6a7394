//! The only value that a way out accepts.

use crate::facts::Facts;
use crate::ids::{Epoch, Micros, UserId};
use crate::judge::judge;
use crate::reason::{Reason, Verdict};
use crate::viewer::Viewer;

/// Something that can be shown, if policy says so.
pub trait Observed: Sized {
    /// Everything it tells. Take the type apart without `..`, so that a new reference cannot compile unjudged.
    fn facts(&self) -> Facts<'_>;

    /// What is left of it when all is taken away that this viewer may not know: the beginning of a visit that began before his window,
    /// the geofences of a rule that are not granted to him. `None`: nothing is left. It may take away only; the rest is judged, whole.
    fn narrow(self, viewer: &Viewer, now: Micros) -> Option<Self> {
        let _ = (viewer, now);
        Some(self)
    }
}

/// Narrows, then judges what is left. The only maker of [`Permitted`].
pub fn admit<T: Observed>(item: T, viewer: &Viewer, now: Micros) -> Result<Permitted<T>, Verdict> {
    let Some(item) = item.narrow(viewer, now) else {
        return Err(Verdict::Hide(Reason::NothingLeft));
    };
    match judge(viewer, &item.facts(), now) {
        Verdict::Allow => Ok(Permitted { item, user: viewer.user, epoch: viewer.epoch, generation: viewer.generation }),
        refusal => Err(refusal),
    }
}

/// Something that this user may see, as of one generation of his.
///
/// It cannot be made but by [`admit`]:
///
/// ```compile_fail
/// let forged = policy::Permitted { item: 1, user: policy::UserId(1), epoch: 0, generation: 0 };
/// ```
#[derive(Clone, Debug)]
pub struct Permitted<T> {
    item: T,
    user: UserId,
    epoch: Epoch,
    generation: u64,
}

impl<T> Permitted<T> {
    /// What may be seen.
    pub const fn item(&self) -> &T {
        &self.item
    }

    /// What may be seen, no longer marked as such.
    pub fn into_inner(self) -> T {
        self.item
    }

    /// Who may see it.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The state of the directory that it was judged by.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The generation of the viewer that it was judged for. If the viewer in force has another one, it is to be judged again.
    pub const fn generation(&self) -> u64 {
        self.generation
    }
}
