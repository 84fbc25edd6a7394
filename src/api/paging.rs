//! Pages of lists: by keyset, with sealed cursors that open for the same user and the same question alone.

use super::call::Call;
use super::problem::Problem;

/// Where a page begins: what the row before it was ordered by.
pub(super) trait Place: Sized {
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Place for $number {
            fn to_bytes(&self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        })+
    };
}

numbers!(u32, u64, i64);

impl Place for crate::model::Order {
    fn to_bytes(&self) -> Vec<u8> {
        [self.seq.to_le_bytes().as_slice(), &self.ordinal.to_le_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (seq, ordinal) = bytes.split_first_chunk::<8>()?;
        Some(Self { seq: u64::from_le_bytes(*seq), ordinal: u32::from_le_bytes(ordinal.try_into().ok()?) })
    }
}

impl Place for crate::history::PageKey {
    fn to_bytes(&self) -> Vec<u8> {
        [self.time.to_le_bytes(), self.seq.to_le_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, seq) = bytes.split_first_chunk::<8>()?;
        Some(Self { time: i64::from_le_bytes(*time), seq: u64::from_le_bytes(seq.try_into().ok()?) })
    }
}

impl Call {
    /// The place that a cursor of this question stands for. `about`: what else belongs to the question, such as the direction.
    pub fn open_cursor<P: Place>(&self, cursor: Option<&str>, about: &str) -> Result<Option<P>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        let opened = self.state.inner.delivery.cursors.open_for(self.session.user, &self.question(about), cursor);
        let place = opened.as_deref().and_then(P::from_bytes);
        place.map(Some).ok_or_else(|| Problem::invalid("cursor", "it is no cursor of this user and this list"))
    }

    /// The cursor behind a place.
    pub fn seal_cursor<P: Place>(&self, place: Option<&P>, about: &str) -> Option<String> {
        let sealed = self.state.inner.delivery.cursors.seal_for(self.session.user, &self.question(about), &place?.to_bytes());
        Some(sealed)
    }

    fn question(&self, about: &str) -> Vec<u8> {
        [self.asked.uri.path().as_bytes(), b"\0", about.as_bytes()].concat()
    }

    /// The rows of a page that were asked for, within the limit.
    pub fn rows(&self, limit: Option<u64>, rows_max: usize) -> Result<usize, Problem> {
        match limit.map(usize::try_from) {
            None => Ok(rows_max.min(100)),
            Some(Ok(limit)) if (1..=rows_max).contains(&limit) => Ok(limit),
            Some(_) => Err(Problem::invalid("limit", format!("1 to {rows_max}"))),
        }
    }

    /// The same for lists of the directory and of events.
    pub fn list_rows(&self, limit: Option<u64>) -> Result<usize, Problem> {
        self.rows(limit, self.state.inner.config.page_rows_max.max(1))
    }
}
