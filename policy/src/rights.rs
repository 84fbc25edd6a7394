//! What a sub-user may do: the rights, and the set that a role holds (B50 to B70).

named! {
    /// A right of a sub-user.
    Right {
        /// Settings kept on the platform: name, work statuses, LBS radius, sensors, buttons, parking (B54).
        DeviceSettingsPlatform = "device_settings_platform",
        /// Settings kept in the tracker: tracking mode, phone, harsh driving, ignition source (B55).
        DeviceSettingsHardware = "device_settings_hardware",
        /// Switching outputs that are vehicle systems, and raw commands (B56).
        VehicleSystems = "vehicle_systems",
        /// Registering and activating devices (B57).
        DeviceActivation = "device_activation",
        /// Ordinary and scheduled reports (B58).
        Reports = "reports",
        /// Creating, changing and assigning alert rules (B60).
        AlertRules = "alert_rules",
        /// Creating, changing and assigning tags (B61).
        Tags = "tags",
        /// Creating and changing tasks and the data of their forms (B62).
        Tasks = "tasks",
        /// Creating and changing geofences (B63).
        Geofences = "geofences",
        /// Creating and changing places (B64).
        Places = "places",
        /// Departments, employees and drivers (B65).
        Employees = "employees",
        /// Vehicles, their departments and drivers (B66).
        Vehicles = "vehicles",
        /// Payments, transactions, low-balance settings (B67).
        BillingAndPayments = "billing_and_payments",
        /// Live video, its events and playback (B68).
        Video = "video",
        /// Sharing live location with third parties (B69).
        Weblocator = "weblocator",
        /// Customers following an order on the map (B70).
        Courier = "courier",
        /// Map tools (B53).
        MapTools = "map_tools",
        /// Trip and event history (B53).
        History = "history",
        /// Service operations (B53).
        ServiceOperations = "service_operations",
        /// Interactive widgets: work status, output states (B53).
        Widgets = "widgets",
        /// Linked data: assigned tasks, control rules (B53).
        LinkedData = "linked_data",
        /// Editing users: never in a role (B52).
        EditUsers = "edit_users",
        /// Managing device groups: never in a role (B52).
        ManageDeviceGroups = "manage_device_groups",
        /// Managing retranslators: never in a role (B52).
        ManageRetranslators = "manage_retranslators",
        /// Changing tariffs: never in a role (B52).
        ChangeTariffs = "change_tariffs",
        /// Activating users: never in a role (B52).
        ActivateUsers = "activate_users",
    }
}

/// The three kinds of rights (B51).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RightKind {
    /// A role may hold it or not.
    Additional,
    /// Everybody has it, and nobody can take it away (B53).
    Basic,
    /// No role can hold it (B52).
    Owner,
}

impl Right {
    /// Which of the three kinds it is.
    pub const fn kind(self) -> RightKind {
        match self {
            Self::MapTools | Self::History | Self::ServiceOperations | Self::Widgets | Self::LinkedData => RightKind::Basic,
            Self::EditUsers | Self::ManageDeviceGroups | Self::ManageRetranslators | Self::ChangeTariffs | Self::ActivateUsers => {
                RightKind::Owner
            }
            _ => RightKind::Additional,
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The rights of a role: always the basic ones, never an owner right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RightSet(u32);

impl RightSet {
    /// The basic rights alone: what a sub-user without a role has (B44).
    pub const BASIC: Self = Self(
        Right::MapTools.bit() | Right::History.bit() | Right::ServiceOperations.bit() | Right::Widgets.bit() | Right::LinkedData.bit(),
    );

    /// The set of a role. An owner right is refused, and is the error (B10, B52).
    pub fn of_role(rights: impl IntoIterator<Item = Right>) -> Result<Self, Right> {
        rights.into_iter().try_fold(Self::BASIC, |set, right| match right.kind() {
            RightKind::Owner => Err(right),
            RightKind::Additional | RightKind::Basic => Ok(Self(set.0 | right.bit())),
        })
    }

    /// Whether it holds this right.
    pub const fn contains(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// The rights it holds, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.iter().copied().filter(move |right| self.contains(*right))
    }
}

impl Default for RightSet {
    fn default() -> Self {
        Self::BASIC
    }
}
