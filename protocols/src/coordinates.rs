//! Degrees that are always degrees.

/// Latitude, WGS 84 degrees, finite and within ±90.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Latitude(f64);

/// Longitude, WGS 84 degrees, finite and within ±180.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Longitude(f64);

impl Latitude {
    /// `None` for NaN, infinities and anything outside ±90.
    #[must_use]
    pub fn new(degrees: f64) -> Option<Self> {
        (-90.0..=90.0).contains(&degrees).then_some(Self(degrees))
    }

    /// So many parts of a degree, of which one has `PER_DEGREE`, and on which side of zero. Whether they are too many is seen without
    /// waiting for the division.
    #[must_use]
    #[inline(always)]
    pub(crate) fn of_parts<const PER_DEGREE: i32>(parts: u32, negative: bool) -> Option<Self> {
        let parts = i32::try_from(parts).ok().filter(|parts| *parts <= const { PER_DEGREE.strict_mul(90) })?;
        Some(Self(f64::from(if negative { parts.wrapping_neg() } else { parts }) / f64::from(PER_DEGREE)))
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

    /// So many parts of a degree, of which one has `PER_DEGREE`, and on which side of zero. Whether they are too many is seen without
    /// waiting for the division.
    #[must_use]
    #[inline(always)]
    pub(crate) fn of_parts<const PER_DEGREE: i32>(parts: u32, negative: bool) -> Option<Self> {
        let parts = i32::try_from(parts).ok().filter(|parts| *parts <= const { PER_DEGREE.strict_mul(180) })?;
        Some(Self(f64::from(if negative { parts.wrapping_neg() } else { parts }) / f64::from(PER_DEGREE)))
    }

    /// The value in degrees.
    #[must_use]
    pub const fn degrees(self) -> f64 {
        self.0
    }
}
