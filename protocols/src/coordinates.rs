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

    /// The value in degrees.
    #[must_use]
    pub const fn degrees(self) -> f64 {
        self.0
    }
}
