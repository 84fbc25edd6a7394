//! `replay`.

use super::{Failure, protocol};
use crate::simulator::{Credentials, Ledger, Source, Tracker, play, recorded, tracks};
use protocols::{Identifier, Protocol, Transport};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A track (.csv: `fix_time,latitude,longitude,altitude_m`; .gpx) or recorded frames (.jsonl).
    file: PathBuf,
    /// The protocol that a track is spoken in, and that recorded frames are in.
    #[arg(long, value_parser = protocol)]
    protocol: Protocol,
    /// The gateway's address.
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// The gateway's port, where it is not the protocol's usual one.
    #[arg(long)]
    port: Option<u16>,
    /// Sends datagrams.
    #[arg(long)]
    udp: bool,
    /// What the tracker of a track calls itself.
    #[arg(long, default_value = "356307049999999")]
    identifier: String,
    /// Records of one frame, where the protocol can carry several.
    #[arg(long, default_value_t = 20)]
    batch: usize,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let address = SocketAddr::new(arguments.host, arguments.port.unwrap_or(arguments.protocol.default_port()));
    if arguments.file.extension().is_some_and(|ending| ending == "jsonl") {
        return frames(&arguments.file, address).await;
    }
    let text = std::fs::read_to_string(&arguments.file).map_err(|error| format!("{}: {error}", arguments.file.display()))?;
    let gpx = arguments.file.extension().is_some_and(|ending| ending == "gpx");
    let records =
        if gpx { tracks::gpx(&text) } else { tracks::csv(&text) }.map_err(|error| format!("{}: {error}", arguments.file.display()))?;
    let usual = arguments.protocol.transports().first().copied().unwrap_or(Transport::Tcp);
    let count = records.len();
    let tracker = Tracker {
        identifier: Identifier::new(&arguments.identifier).ok_or("the identifier is empty, too long or has white space")?,
        protocol: arguments.protocol,
        transport: if arguments.udp { Transport::Udp } else { usual },
        address,
        source: Source::Given(records.into()),
        records_per_frame: arguments.batch.max(1),
        frame_interval: Duration::ZERO,
        window_frames: 8,
        drops_per_mille: 0,
        losses_per_mille: 0,
        credentials: Credentials { user: arguments.identifier.clone(), password: String::new() },
    };
    let outcome = play(vec![tracker], Arc::new(Ledger::new(1)), CancellationToken::new()).await;
    writeln!(std::io::stdout(), "{count} records, {} acknowledged", outcome.acked)?;
    Ok(if outcome.acked == count as u64 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Recorded frames go out as they stand, each behind its context on a connection of its own.
async fn frames(file: &Path, address: SocketAddr) -> Result<ExitCode, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let (mut sent, mut answered, mut left_out) = (0_usize, 0_usize, 0_usize);
    for line in text.lines() {
        match recorded::dialogue(line) {
            Some(chunks) => {
                sent += 1;
                answered += usize::from(recorded::send(address, &chunks, Duration::from_millis(300)).await? > 0);
            }
            None => left_out += 1,
        }
    }
    writeln!(std::io::stdout(), "{sent} dialogues sent, {answered} answered, {left_out} without a form on the wire")?;
    Ok(if sent > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
