//! `protocols`: what is spoken.

use super::Failure;
use protocols::{Checksum, Protocol, Transport};
use serde_json::json;
use std::io::Write;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Prints a JSON object a line.
    #[arg(long)]
    json: bool,
}

/// The measured figures, as the document has them; a test compares them with what is measured.
const CONFORMANCE: &str = include_str!("../../docs/conformance.md");

/// Recorded positions and replies that agree with another server's, `equal/all`. `None`: nothing is recorded of the protocol.
struct Figures {
    positions: &'static str,
    replies: &'static str,
}

impl Figures {
    fn of(protocol: Protocol) -> Option<Self> {
        let row = CONFORMANCE.lines().find_map(|line| {
            let cells: Vec<&'static str> = line.trim_matches('|').split('|').map(str::trim).collect();
            (cells.first() == Some(&protocol.name()) && cells.get(1).is_some_and(|cell| cell.contains('/'))).then_some(cells)
        })?;
        Some(Self { positions: row.get(2)?, replies: row.get(4)? })
    }
}

const fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Http => "http",
        Transport::Mqtt => "mqtt",
    }
}

const fn checksum_name(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::None => "none",
        Checksum::Sum => "sum",
        Checksum::Crc => "crc",
    }
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    if !arguments.json {
        writeln!(
            out,
            "{:<12} {:>5}  {:<10} {:<8} {:>9} {:>9}  commands",
            "protocol", "port", "transports", "checksum", "positions", "replies"
        )?;
    }
    for protocol in Protocol::ALL {
        let about = protocol.about();
        let transports: Vec<&str> = about.transports.iter().map(|transport| transport_name(*transport)).collect();
        let (figures, commands) = (Figures::of(*protocol), protocol.commands());
        if arguments.json {
            let line = json!({
                "protocol": about.name, "port": about.default_port, "transports": transports, "checksum": checksum_name(about.checksum),
                "settings": about.settings, "commands": commands,
                "conformance": figures.map(|figures| json!({ "positions": figures.positions, "replies": figures.replies })),
            });
            writeln!(out, "{line}")?;
            continue;
        }
        let (positions, replies) = figures.map_or(("–", "–"), |figures| (figures.positions, figures.replies));
        writeln!(
            out,
            "{:<12} {:>5}  {:<10} {:<8} {positions:>9} {replies:>9}  {}",
            about.name,
            about.default_port,
            transports.join(","),
            checksum_name(about.checksum),
            commands.join(", ")
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_its_line_with_port_and_commands() {
        let (mut table, mut lines) = (Vec::new(), Vec::new());
        run(&Arguments { json: false }, &mut table).unwrap();
        run(&Arguments { json: true }, &mut lines).unwrap();
        let (table, lines) = (String::from_utf8(table).unwrap(), String::from_utf8(lines).unwrap());
        assert_eq!((table.lines().count(), lines.lines().count()), (Protocol::ALL.len() + 1, Protocol::ALL.len()));
        let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!((first["protocol"].as_str(), first["port"].as_u64()), (Some("teltonika"), Some(5_027)));
        assert!(first["conformance"]["positions"].as_str().unwrap().contains('/'));
    }
}
