//! What a team member may see and edit: six categories and three levels, nothing finer (T16 to T23).

named! {
    /// A category of the account's data.
    Category {
        /// Fleet inventory, devices and all that they tell (T16).
        Assets = "assets",
        /// Account settings, and seeing the team (T17).
        Account = "account",
        /// Payments, payment methods, invoice recipients (T18).
        Billing = "billing",
        /// Claims, their statistics, their trips and validations (T19).
        Claims = "claims",
        /// Coverage and policy documents (T20).
        Insurance = "insurance",
        /// Workers, drivers, departments, tasks (T21).
        Workforce = "workforce",
    }
}

/// How much of a category: each one includes those before it (T22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// To see it.
    View,
    /// To see and to change it.
    Edit,
}

impl Level {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::View => "view",
            Self::Edit => "edit",
        }
    }

    /// The one with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::View, Self::Edit].into_iter().find(|level| level.name() == name)
    }
}

/// A level for each category. What is not said is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Categories([Level; Category::ALL.len()]);

impl Categories {
    /// Nothing at all.
    pub const fn none() -> Self {
        Self([Level::None; Category::ALL.len()])
    }

    /// The same, with this level for this category.
    pub const fn with(mut self, category: Category, level: Level) -> Self {
        self.0[category as usize] = level;
        self
    }

    /// The level of this category.
    pub const fn level(&self, category: Category) -> Level {
        self.0[category as usize]
    }
}
