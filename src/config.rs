//! One typed configuration: a TOML file, and `PURVIEW__SECTION__KEY` variables over it. Every limit has a default and its unit in its name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a configuration is refused; it names the line, or the variable, and the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file, or a variable, is not a configuration.
    #[error("{origin}: {message}")]
    Parse {
        /// The file or variable.
        origin: String,
        /// Line, key, and what is wrong.
        message: String,
    },
    /// A value that cannot work.
    #[error("{key}: {message}")]
    Value {
        /// Section and key.
        key: &'static str,
        /// What is wrong.
        message: String,
    },
}

macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

section! {
    /// Everything.
    Config {
        /// Where everything is kept.
        data_dir: PathBuf = PathBuf::from("purview-data"),
        /// Who and what exists.
        directory: DirectoryConfig = DirectoryConfig::default(),
        /// Trackers.
        listener: ListenerConfig = ListenerConfig::default(),
        /// The log.
        journal: JournalConfig = JournalConfig::default(),
        /// Sealed positions.
        history: HistoryConfig = HistoryConfig::default(),
        /// Visits and alerts.
        pipeline: PipelineConfig = PipelineConfig::default(),
        /// Streams.
        delivery: DeliveryConfig = DeliveryConfig::default(),
        /// The HTTP interface.
        api: ApiConfig = ApiConfig::default(),
        /// The address of `/healthz`, `/readyz` and `/metrics`.
        telemetry: TelemetryConfig = TelemetryConfig::default(),
    }
}

section! {
    /// Trackers: where they connect and what they may cost.
    ListenerConfig {
        /// The address that all tracker ports are bound to.
        bind: String = "0.0.0.0".to_owned(),
        /// Port by protocol name, and `auto` for one that recognises the protocol; 0 takes a free one; what is not named is not
        /// listened to. Empty: all on their usual ports.
        ports: BTreeMap<String, u16> = BTreeMap::new(),
        /// Port of our own MQTT listener; 0 takes a free one.
        mqtt_port: u16 = 1883,
        /// Whether our own MQTT listener runs.
        mqtt: bool = true,
        /// The password that every client of our own MQTT listener must present, with any user name; none: a device is known by its
        /// topic alone.
        mqtt_password: Option<String> = None,
        /// Publications of one MQTT client that may wait for the commit.
        mqtt_in_flight_max: u16 = 64,
        /// An outside MQTT broker (version 5) from which devices' messages are taken.
        broker: Option<BrokerConfig> = None,
        /// Connections at once.
        connections_max: usize = 20_000,
        /// Connections at once from one address.
        connections_per_address_max: usize = 1_000,
        /// How long a connection may stay without a known device.
        login_deadline_s: u64 = 30,
        /// How long a connection may stay silent.
        idle_timeout_s: u64 = 1_800,
        /// How long one frame may take from its first byte to its last.
        frame_deadline_s: u64 = 60,
        /// Frames of one connection that may wait for the commit.
        frames_in_flight_max: usize = 8,
        /// Bad frames after which a connection is closed.
        bad_frames_max: u32 = 16,
        /// Unknown identifiers that are listed for the operator.
        unknown_devices_max: usize = 1_000,
        /// How long a datagram device counts as online after its last datagram.
        datagram_online_s: u64 = 300,
        /// Bytes of an MQTT packet.
        mqtt_packet_bytes_max: usize = 65_536,
        /// Bytes of an HTTP body from a tracker.
        http_body_bytes_max: usize = 262_144,
    }
}

/// The name of the port that recognises the protocol from the first frame.
pub const AUTO: &str = "auto";

/// An outside MQTT broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Our client id; the broker keeps our session by it.
    #[serde(default = "BrokerConfig::client_id")]
    pub client_id: String,
    /// User, if the broker wants one.
    #[serde(default)]
    pub user: Option<String>,
    /// Password, if the broker wants one.
    #[serde(default)]
    pub password: Option<String>,
    /// Topic filter by protocol name, e.g. `owntracks = "owntracks/+/+"`.
    pub topics: BTreeMap<String, String>,
    /// Messages that may wait for the commit.
    #[serde(default = "BrokerConfig::in_flight")]
    pub in_flight_max: u16,
}

impl BrokerConfig {
    fn client_id() -> String {
        "purview".to_owned()
    }

    const fn in_flight() -> u16 {
        256
    }
}

section! {
    /// Who and what exists, and how much of it.
    DirectoryConfig {
        /// Whether a change is synced to disk before its call returns. Only tests and throw-away demonstrations turn it off.
        durable: bool = true,
        /// Accounts.
        accounts_max: usize = 100_000,
        /// Tariffs.
        tariffs_max: usize = 10_000,
        /// Users of one account.
        users_per_account_max: usize = 10_000,
        /// Roles of one account.
        roles_per_account_max: usize = 1_000,
        /// Devices of one account.
        devices_per_account_max: usize = 1_000_000,
        /// Geofences of one account.
        geofences_per_account_max: usize = 100_000,
        /// Places of one account.
        places_per_account_max: usize = 100_000,
        /// Alert rules of one account.
        rules_per_account_max: usize = 10_000,
        /// Devices of one rule.
        rule_devices_max: usize = 10_000,
        /// Geofences of one rule.
        rule_geofences_max: usize = 1_000,
        /// Points of one geofence, holes included.
        geofence_points_max: usize = 5_000,
        /// Outputs of one device.
        device_outputs_max: usize = 64,
        /// Characters of a name.
        name_chars_max: usize = 200,
        /// Characters of an identifier by which a device calls itself.
        identifier_chars_max: usize = 128,
        /// Characters of an address.
        address_chars_max: usize = 1_000,
        /// Bytes of the platform settings, or the hardware settings, of one device.
        settings_bytes_max: usize = 65_536,
        /// Single changes in one batch.
        batch_changes_max: usize = 10_000,
        /// Changes that may wait for the one writer.
        changes_waiting_max: usize = 1_024,
        /// Bytes of one audit row's before, or after; what is longer is left out.
        audit_json_bytes_max: usize = 4_096,
        /// Denied attempts, merged, that may wait to be written.
        denials_waiting_max: usize = 10_000,
        /// Rows of denied attempts that are kept.
        denials_rows_max: u64 = 1_000_000,
        /// Sessions of one user; a further one closes the oldest.
        sessions_per_user_max: usize = 64,
        /// Passwords hashed at once.
        password_checks_max: usize = 2,
        /// Passwords that may wait to be hashed; beyond it, log-ins are refused for the moment.
        password_checks_waiting_max: usize = 64,
        /// Memory of one password hash, KiB.
        password_memory_kib: u32 = 19_456,
        /// Passes of one password hash.
        password_passes: u32 = 2,
        /// How long a change waits for a lock on the database file.
        busy_timeout_ms: u64 = 2_000,
        /// How long a change waits for its journal entry before it takes the last committed place instead.
        journal_wait_ms_max: u64 = 2_000,
        /// Space kept free for revokes, given up when the disk is full.
        reserve_bytes: u64 = 1024 * 1024,
    }
}

section! {
    /// The durable log.
    JournalConfig {
        /// Size of one segment.
        segment_bytes: u64 = 128 * 1024 * 1024,
        /// Bytes of one group commit.
        group_bytes_max: usize = 1024 * 1024,
        /// Bytes that may wait for a commit; beyond it, appends wait.
        waiting_bytes_max: usize = 16 * 1024 * 1024,
        /// Free space below which nothing is accepted any more.
        disk_margin_bytes: u64 = 256 * 1024 * 1024,
        /// How long sealed segments are kept for resume and replay.
        keep_s: u64 = 7 * 86_400,
        /// Bytes of segments kept for resume and replay.
        keep_bytes_max: u64 = 16 * 1024 * 1024 * 1024,
    }
}

section! {
    /// Sealed positions.
    HistoryConfig {
        /// Bytes of journal that are not sealed yet.
        unsealed_bytes_max: u64 = 512 * 1024 * 1024,
        /// Bytes of Parquet footers kept in memory.
        footer_cache_bytes_max: usize = 64 * 1024 * 1024,
        /// Rows of one page of a history call.
        page_rows_max: usize = 1_000,
    }
}

section! {
    /// What is computed from the log.
    PipelineConfig {
        /// Keys by which resends are recognised in memory, for one device; older ones are looked up in history.
        dedup_keys_per_device_max: usize = 2_048,
        /// A fix time this far ahead of our clock is flagged as future.
        future_tolerance_s: u64 = 600,
        /// Journal bytes between two checkpoints.
        checkpoint_bytes: u64 = 32 * 1024 * 1024,
        /// Seconds between two ticks.
        tick_s: u64 = 5,
        /// Changes of hands of one device within `conflict_window_s` that count as two trackers claiming it.
        conflict_changes: u32 = 3,
        /// See `conflict_changes`.
        conflict_window_s: u64 = 60,
    }
}

section! {
    /// Streams to viewers.
    DeliveryConfig {
        /// Visits, alerts and states that may wait for one slow stream; then it is told `lagged`.
        waiting_items_max: usize = 4_096,
        /// Positions that may wait for one slow stream before they are conflated to the newest of each device.
        waiting_positions_max: usize = 8_192,
        /// Bytes of one write.
        write_bytes_max: usize = 64 * 1024,
        /// Longest wait of an item under load.
        tick_ms: u64 = 50,
        /// The kernel's send buffer of a stream.
        send_buffer_bytes: usize = 64 * 1024,
        /// How long a revoke waits for a send under way before the socket is reset.
        revoke_grace_ms: u64 = 250,
        /// Streams at once.
        streams_max: usize = 10_000,
        /// Streams at once of one user.
        streams_per_user_max: usize = 32,
        /// Bytes of a message from a viewer.
        message_bytes_max: usize = 65_536,
        /// How long a viewer may not read at all before his stream is closed.
        stalled_timeout_s: u64 = 60,
        /// Items read back by one resume.
        resume_items_max: usize = 1_000_000,
    }
}

section! {
    /// The HTTP interface.
    ApiConfig {
        /// Address and port; port 0 takes a free one.
        bind: String = "0.0.0.0:8082".to_owned(),
        /// Origins, besides our own, from which browsers may open streams.
        origins: Vec<String> = Vec::new(),
        /// Bytes of a request body.
        body_bytes_max: usize = 1024 * 1024,
        /// Rows of one page of a list.
        page_rows_max: usize = 500,
        /// How long a session lasts without being used.
        session_idle_s: u64 = 14 * 86_400,
        /// The shortest password taken (B47: at least 6).
        password_chars_min: usize = 6,
        /// Failed log-ins of one address and e-mail in a minute, before more are refused.
        login_failures_per_minute_max: u32 = 10,
        /// Requests of one session in a second, averaged.
        requests_per_second_max: u32 = 200,
        /// Requests under way at once.
        requests_max: usize = 512,
        /// Answers to creating requests that are kept for one session, so that the same request sent again does nothing twice.
        idempotency_keys_max: usize = 256,
        /// How long the body of a request may take to arrive.
        body_timeout_s: u64 = 30,
    }
}

section! {
    /// Logs, metrics, health.
    TelemetryConfig {
        /// Address and port of `/healthz`, `/readyz` and `/metrics`; port 0 takes a free one.
        bind: String = "127.0.0.1:9082".to_owned(),
        /// One JSON object a line instead of text.
        log_json: bool = false,
        /// Filter, as `tracing` reads it.
        log: String = "info".to_owned(),
    }
}

impl Config {
    /// Reads the file (if one is named) and the variables over it.
    ///
    /// # Errors
    /// Names the line or the variable, and the key.
    pub fn load(path: Option<&Path>, variables: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let (origin, text) = match path {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
                (path.display().to_string(), text)
            }
            None => ("defaults".to_owned(), String::new()),
        };
        // First the file by itself, so that an error names its line.
        let _: Self = toml::from_str(&text).map_err(|e| parse_error(&origin, &text, &e))?;
        let mut table: toml::Table = toml::from_str(&text).map_err(|e| parse_error(&origin, &text, &e))?;
        for (name, value) in variables {
            if let Some(keys) = name.strip_prefix("PURVIEW__") {
                let keys = keys.to_ascii_lowercase();
                set(&mut table, &keys, value).map_err(|message| ConfigError::Parse { origin: name.clone(), message })?;
                let _: Self = table
                    .clone()
                    .try_into()
                    .map_err(|e: toml::de::Error| ConfigError::Parse { origin: name, message: e.message().to_owned() })?;
            }
        }
        let config: Self = table.try_into().map_err(|e: toml::de::Error| ConfigError::Parse { origin, message: e.message().to_owned() })?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        for name in self.listener.ports.keys() {
            if protocols::Protocol::from_name(name).is_none() && name != AUTO {
                let known: Vec<_> = protocols::Protocol::ALL.iter().map(|p| p.name()).collect();
                let message = format!("{name:?} is no protocol; known: {}", known.join(", "));
                return Err(ConfigError::Value { key: "listener.ports", message });
            }
        }
        let over_mqtt = |name: &str| {
            protocols::Protocol::from_name(name).is_some_and(|protocol| protocol.transports().contains(&protocols::Transport::Mqtt))
        };
        if let Some(name) = self.listener.broker.as_ref().and_then(|b| b.topics.keys().find(|name| !over_mqtt(name))) {
            return Err(ConfigError::Value { key: "listener.broker.topics", message: format!("{name:?} is no protocol over MQTT") });
        }
        for (key, value, least) in [
            ("journal.segment_bytes", self.journal.segment_bytes, 1 << 20),
            ("journal.group_bytes_max", self.journal.group_bytes_max as u64, 64 << 10),
            ("journal.waiting_bytes_max", self.journal.waiting_bytes_max as u64, 64 << 10),
            ("delivery.write_bytes_max", self.delivery.write_bytes_max as u64, 4 << 10),
            ("api.password_chars_min", self.api.password_chars_min as u64, 6),
            ("pipeline.tick_s", self.pipeline.tick_s, 1),
        ] {
            if value < least {
                return Err(ConfigError::Value { key, message: format!("at least {least} is needed, not {value}") });
            }
        }
        Ok(())
    }
}

fn parse_error(origin: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map_or(0, |span| text.get(..span.start).map_or(0, |before| before.matches('\n').count() + 1));
    ConfigError::Parse { origin: format!("{origin}, line {line}"), message: error.message().to_owned() }
}

fn set(table: &mut toml::Table, keys: &str, value: String) -> Result<(), String> {
    let mut parts: Vec<&str> = keys.split("__").collect();
    let last = parts.pop().unwrap_or_default();
    let mut at = table;
    for part in parts {
        let entry = at.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = entry.as_table_mut().ok_or_else(|| format!("{part} is not a section"))?;
    }
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}")).ok().and_then(|mut t| t.remove("v"));
    at.insert(last.to_owned(), parsed.unwrap_or(toml::Value::String(value)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("purview.toml");
        std::fs::write(&path, text).expect("written");
        let variables = variables.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        Config::load(Some(&path), variables).map_err(|e| e.to_string())
    }

    #[test]
    fn a_typo_names_line_and_key() {
        let error = load("[listener]\nbind = \"127.0.0.1\"\nconections_max = 5\n", &[]).expect_err("refused");
        assert!(error.contains("line 3") && error.contains("conections_max") && error.contains("connections_max"), "{error}");
    }

    #[test]
    fn variables_lie_over_the_file() {
        let config =
            load("[api]\nbind = \"127.0.0.1:1\"\n", &[("PURVIEW__API__BIND", "127.0.0.1:2"), ("PURVIEW__LISTENER__CONNECTIONS_MAX", "7")]);
        let config = config.expect("taken");
        assert_eq!((config.api.bind.as_str(), config.listener.connections_max), ("127.0.0.1:2", 7));
        let error = load("", &[("PURVIEW__API__BINDD", "x")]).expect_err("refused");
        assert!(error.contains("PURVIEW__API__BINDD") && error.contains("bindd"), "{error}");
    }

    #[test]
    fn an_unknown_protocol_and_a_limit_too_low_are_named() {
        assert!(load("[listener.ports]\nteltonica = 5027\n", &[]).expect_err("refused").contains("teltonica"));
        assert!(load("[api]\npassword_chars_min = 5\n", &[]).expect_err("refused").contains("api.password_chars_min"));
    }

    #[test]
    fn the_defaults_are_a_configuration() {
        assert_eq!(load("", &[]), Ok(Config::default()));
    }
}
