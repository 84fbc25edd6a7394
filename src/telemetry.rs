//! Logs and metrics. The only speller of metric names.

use crate::config::TelemetryConfig;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

macro_rules! names {
    ($(#[doc = $doc:literal] $name:ident = $kind:ident $text:literal $unit:ident;)+) => {
        $(#[doc = $doc] pub const $name: &str = $text;)+
        fn describe() {
            $(names!(@ $kind $text $unit $doc);)+
        }
    };
    (@ counter $text:literal $unit:ident $doc:literal) => { describe_counter!($text, Unit::$unit, $doc.trim()) };
    (@ gauge $text:literal $unit:ident $doc:literal) => { describe_gauge!($text, Unit::$unit, $doc.trim()) };
    (@ histogram $text:literal $unit:ident $doc:literal) => { describe_histogram!($text, Unit::$unit, $doc.trim()) };
}

names! {
    /// Tracker connections open now, by protocol.
    CONNECTIONS = gauge "purview_connections" Count;
    /// Tracker connections refused, by reason.
    CONNECTIONS_REFUSED = counter "purview_connections_refused_total" Count;
    /// Frames taken, by protocol.
    FRAMES = counter "purview_frames_total" Count;
    /// Frames refused, by protocol and reason.
    FRAMES_BAD = counter "purview_frames_bad_total" Count;
    /// Messages kept raw because they are not understood, by protocol and reason.
    UNDECODED = counter "purview_undecoded_total" Count;
    /// Messages from devices that nobody registered, by protocol.
    UNKNOWN_DEVICE = counter "purview_unknown_device_total" Count;
    /// Commands sent to devices, by kind.
    COMMANDS_SENT = counter "purview_commands_sent_total" Count;
    /// Entries made durable.
    JOURNAL_ENTRIES = counter "purview_journal_entries_total" Count;
    /// Bytes made durable.
    JOURNAL_BYTES = counter "purview_journal_bytes_total" Bytes;
    /// Time of one group commit.
    JOURNAL_COMMIT = histogram "purview_journal_commit_seconds" Seconds;
    /// Bytes of torn tail cut off at start.
    JOURNAL_TORN = counter "purview_journal_torn_bytes_total" Bytes;
    /// 1 while nothing is accepted because the disk is nearly full.
    JOURNAL_DISK_FULL = gauge "purview_journal_disk_full" Count;
    /// Entries that the pipeline is behind.
    PIPELINE_LAG = gauge "purview_pipeline_lag_entries" Count;
    /// Positions computed.
    POSITIONS = counter "purview_positions_total" Count;
    /// Positions older than the latest of their device.
    POSITIONS_LATE = counter "purview_positions_late_total" Count;
    /// Resends recognised.
    DUPLICATES = counter "purview_duplicates_total" Count;
    /// Visits begun or ended.
    VISITS = counter "purview_visits_total" Count;
    /// Alerts raised, by kind.
    ALERTS = counter "purview_alerts_total" Count;
    /// Streams open now.
    STREAMS = gauge "purview_streams" Count;
    /// Items put into outboxes.
    DELIVERED = counter "purview_delivered_total" Count;
    /// Items withheld from a viewer who watches their device, by reason.
    WITHHELD = counter "purview_withheld_total" Count;
    /// Positions replaced by newer ones for slow viewers.
    CONFLATED = counter "purview_conflated_total" Count;
    /// Times a slow viewer was told that he lags.
    LAGGED = counter "purview_lagged_total" Count;
    /// Time of the revocation barrier.
    REVOKE = histogram "purview_revoke_seconds" Seconds;
    /// Streams reset because a send under way did not end in time.
    REVOKE_RESETS = counter "purview_revoke_resets_total" Count;
    /// Bytes of journal that are not sealed yet.
    UNSEALED_BYTES = gauge "purview_history_unsealed_bytes" Bytes;
    /// Rows sealed into files.
    SEALED_ROWS = counter "purview_history_sealed_rows_total" Count;
    /// Requests answered, by route and status.
    REQUESTS = counter "purview_http_requests_total" Count;
    /// Time of a request, by route.
    REQUEST_TIME = histogram "purview_http_request_seconds" Seconds;
}

/// Installs the log subscriber. Later calls in one process do nothing.
pub fn start_logs(config: &TelemetryConfig) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = if config.log_json { builder.json().try_init() } else { builder.try_init() };
}

/// Installs the metrics recorder of this process once and hands out its handle.
pub fn recorder() -> metrics_exporter_prometheus::PrometheusHandle {
    static HANDLE: std::sync::OnceLock<metrics_exporter_prometheus::PrometheusHandle> = std::sync::OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_ok() {
                describe();
            }
            handle
        })
        .clone()
}
