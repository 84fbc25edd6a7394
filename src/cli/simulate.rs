//! `simulate`.

use super::{Failure, protocol};
use crate::clock::Clock;
use crate::simulator::{Credentials, Drive, Ledger, Source, Tracker, identifier, play};
use protocols::{Protocol, Transport};
use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The gateway's address.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Protocols, one after the other over the fleet; `all` for all.
    #[arg(long, value_delimiter = ',', default_value = "teltonika")]
    protocols: Vec<String>,
    /// A port that is not the usual one: `teltonika=15027`; `mqtt=11883` for MQTT.
    #[arg(long = "port", value_parser = port)]
    ports: Vec<(String, u16)>,
    /// Trackers. They have to be registered as `purview simulate --list` names them.
    #[arg(long, default_value_t = 10)]
    devices: usize,
    /// The number of the first tracker.
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// Prints the identifiers of the trackers, one a line, and ends.
    #[arg(long)]
    list: bool,
    /// How long.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Records of one frame, where the protocol can carry several.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Records a second of each tracker; 0: as fast as acknowledgements come.
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// Of a thousand frames, after how many the connection breaks.
    #[arg(long, default_value_t = 0)]
    drops_per_mille: u32,
    /// Of a thousand datagrams, how many are lost.
    #[arg(long, default_value_t = 0)]
    losses_per_mille: u32,
    /// Another fleet.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The MQTT password, if the gateway wants one.
    #[arg(long, default_value = "")]
    mqtt_password: String,
    /// Prints one JSON object at the end.
    #[arg(long)]
    json: bool,
}

fn port(text: &str) -> Result<(String, u16), String> {
    let (name, port) = text.split_once('=').ok_or("NAME=PORT is expected")?;
    Ok((name.to_owned(), port.parse().map_err(|_| format!("{port:?} is no port"))?))
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let protocols: Vec<Protocol> = if arguments.protocols.iter().any(|name| name == "all") {
        Protocol::ALL.to_vec()
    } else {
        arguments.protocols.iter().map(|name| protocol(name)).collect::<Result<_, _>>()?
    };
    let trackers = fleet(&arguments, &protocols)?;
    let mut out = std::io::stdout();
    if arguments.list {
        for tracker in &trackers {
            writeln!(out, "{}", tracker.identifier)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    // Of protocols without acknowledgements nothing can be counted but what was sent.
    let trackers_unanswered =
        !trackers.iter().any(|t| t.transport == Transport::Mqtt || t.protocol.about().acknowledges.contains(&t.transport));
    let ledger = Arc::new(Ledger::new(trackers.len()));
    let stop = CancellationToken::new();
    let (stopper, seconds) = (stop.clone(), arguments.seconds);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stopper.cancel();
    });
    let started = std::time::Instant::now();
    let outcome = play(trackers, ledger, stop).await;
    let took = started.elapsed().as_secs_f64();
    let per_second = outcome.acked as f64 / took;
    if arguments.json {
        let line = serde_json::json!({
            "records_sent": outcome.sent, "records_acked": outcome.acked, "acked_per_s": per_second, "seconds": took,
            "reconnects": outcome.reconnects, "resent_frames": outcome.resent, "refused_frames": outcome.refused,
            "ack_ms_p50": outcome.ack_ms_p50, "ack_ms_p99": outcome.ack_ms_p99,
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "sent {} records, {} acknowledged in {took:.1} s: {per_second:.0}/s", outcome.sent, outcome.acked)?;
        writeln!(out, "acknowledged after {:.1} ms (median), {:.1} ms (99 %)", outcome.ack_ms_p50, outcome.ack_ms_p99)?;
        writeln!(out, "{} reconnects, {} frames sent again, {} refused", outcome.reconnects, outcome.resent, outcome.refused)?;
    }
    let answered = outcome.acked > 0 || trackers_unanswered;
    Ok(if answered && outcome.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fleet(arguments: &Arguments, protocols: &[Protocol]) -> Result<Vec<Tracker>, Failure> {
    let ports: HashMap<&str, u16> = arguments.ports.iter().map(|(name, port)| (name.as_str(), *port)).collect();
    let start = Clock::system().now();
    let batch = arguments.batch.max(1);
    let frame_interval = if arguments.rate > 0.0 { Duration::from_secs_f64(batch as f64 / arguments.rate) } else { Duration::ZERO };
    let step = if arguments.rate > 0.0 { (1e6 / arguments.rate) as i64 } else { 10_000 };
    let mut trackers = Vec::with_capacity(arguments.devices);
    for number in arguments.first..arguments.first.saturating_add(arguments.devices) {
        let protocol = protocols.get(number % protocols.len()).copied().ok_or("no protocol")?;
        let transport = protocol.transports().first().copied().unwrap_or(Transport::Tcp);
        let name = if transport == Transport::Mqtt { "mqtt" } else { protocol.name() };
        let port = ports.get(name).copied().unwrap_or(protocol.default_port());
        let identifier = identifier(protocol, number).ok_or("no identifier")?;
        let seed = arguments.seed.wrapping_add(number as u64);
        trackers.push(Tracker {
            identifier,
            protocol,
            transport,
            address: SocketAddr::new(arguments.host, port),
            source: Source::Drive(Drive::new(seed, (52.52, 13.40), start - 3_600_000_000, step, u64::MAX)),
            records_per_frame: batch,
            frame_interval,
            window_frames: 8,
            drops_per_mille: arguments.drops_per_mille,
            losses_per_mille: arguments.losses_per_mille,
            credentials: Credentials { user: identifier.to_string(), password: arguments.mqtt_password.clone() },
        });
    }
    Ok(trackers)
}
