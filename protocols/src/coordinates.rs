//! Degrees that are always degrees.

/// Latitude, WGS 84 degrees, finite and within ±90.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Latitude(f64);

/// Longitude, WGS 84 degrees, finite and within ±180.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Longitude(f64);

/// Degrees up to a limit of so many parts. Whether they are too many is seen without waiting for the division.
#[inline(always)]
fn degrees_of_parts<const PER_DEGREE: i32, const DEGREES_MAX: i32>(parts: u32, negative: bool) -> Option<f64> {
    let parts = i32::try_from(parts).ok().filter(|parts| *parts <= const { PER_DEGREE.strict_mul(DEGREES_MAX) })?;
    Some(f64::from(if negative { parts.wrapping_neg() } else { parts }) / f64::from(PER_DEGREE))
}

impl Latitude {
    /// `None` for NaN, infinities and anything outside ±90.
    #[must_use]
    pub fn new(degrees: f64) -> Option<Self> {
        (-90.0..=90.0).contains(&degrees).then_some(Self(degrees))
    }

    /// So many parts of a degree, of which one has `PER_DEGREE`, and on which side of zero.
    #[must_use]
    #[inline(always)]
    pub(crate) fn of_parts<const PER_DEGREE: i32>(parts: u32, negative: bool) -> Option<Self> {
        degrees_of_parts::<PER_DEGREE, 90>(parts, negative).map(Self)
    }

    /// The value in degrees.
    #[must_use]
    pub const fn degrees(self) -> f64 {
        self.0
    }
}

impl Longitude {
    /// `None` for NaN, infinities and anything outside ±180.
    #[must_use]
    pub fn new(degrees: f64) -> Option<Self> {
        (-180.0..=180.0).contains(&degrees).then_some(Self(degrees))
    }

    /// So many parts of a degree, of which one has `PER_DEGREE`, and on which side of zero.
    #[must_use]
    #[inline(always)]
    pub(crate) fn of_parts<const PER_DEGREE: i32>(parts: u32, negative: bool) -> Option<Self> {
        degrees_of_parts::<PER_DEGREE, 180>(parts, negative).map(Self)
    }

    /// The value in degrees.
    #[must_use]
    pub const fn degrees(self) -> f64 {
        self.0
    }
}
