//! The demonstration, played whole: a real gateway, real trackers' traffic, real WebSockets, the executable specification as the judge.

use purview::cli::demo::{Options, Report, play};

fn sound(report: &Report, devices: usize) {
    assert_eq!(report.problems, Vec::<String>::new());
    assert!(report.is_good());
    assert_eq!((report.devices, report.after_revoke), (devices, 0));
    assert!(report.records_acked > 0 && report.records_sent >= report.records_acked && report.records_durable >= report.records_acked);
    assert!(report.visits > 0 && report.alerts > 0, "{report:?}");
    assert!(report.ack_ms_p50 > 0.0 && report.ack_ms_p99 >= report.ack_ms_p50);
    for viewer in &report.viewers {
        assert_eq!((viewer.leaked, viewer.missing, viewer.received), (0, 0, viewer.expected), "{}", viewer.name);
    }
    let [owner, dispatcher, contractor] = report.viewers.as_slice() else { panic!("three look on: {report:?}") };
    assert!(owner.received > dispatcher.received && dispatcher.received > contractor.received && contractor.received > 0);
    assert!(owner.withheld.is_empty() && !dispatcher.withheld.is_empty() && contractor.withheld.len() >= 2, "each reason decided");
    assert!(owner.late > dispatcher.late && dispatcher.late > 0);
    assert_eq!(contractor.late, 0, "what is three days old is older than the contractor's window (P2)");
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_each_viewer_receives_what_the_specification_says_nothing_more_and_nothing_less() {
    let options = Options { seconds: 8, devices: 24, usual_ports: false };
    let mut told = Vec::new();
    let report = play(&options, &mut told).await.expect("played");
    let told = String::from_utf8(told).expect("text");
    sound(&report, options.devices);
    assert_eq!(told.matches("REVOKE").count(), 2, "{told}");
    for said in ["device not granted", "geofence not granted", "older than his window", "leaked 0, missing 0", "owntracks (MQTT)"] {
        assert!(told.contains(said), "{said:?} is not told:\n{told}");
    }
    let line = serde_json::to_value(&report).expect("JSON");
    let names =
        ["devices", "records_sent", "records_acked", "records_durable", "visits", "alerts", "viewers", "after_revoke", "ack_ms_p50"];
    assert!(names.iter().all(|name| !line[name].is_null()) && line.get("problems").is_none(), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_demonstrations_at_once_do_not_get_in_each_others_way() {
    let options = Options { seconds: 5, devices: 8, usual_ports: true };
    let (mut told, mut told_too) = (Vec::new(), Vec::new());
    let (one, other) = tokio::join!(play(&options, &mut told), play(&options, &mut told_too));
    for report in [one.expect("played"), other.expect("played")] {
        assert_eq!(report.problems, Vec::<String>::new());
    }
}
