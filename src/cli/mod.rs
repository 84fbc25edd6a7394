//! Room: cli
//! Takes: arguments, standard input. Gives: what the commands print.
//! May import: gateway, simulator, directory, events, history, journal, listener, delivery, router, model, clock, config, telemetry, policy, protocols, spec
//! Invariant: the only place that prints; a command's logic takes its input and output as arguments.

mod admin;
mod check_config;
pub mod decode;
pub mod demo;
mod protocols_list;
mod replay;
mod serve;
mod simulate;

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use clap::{Parser, Subcommand};
use protocols::Protocol;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// A telematics gateway: every record durable before it is acknowledged, every viewer shown exactly what he may see.
#[derive(Parser)]
#[command(name = "purview", version, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the gateway.
    Serve(serve::Arguments),
    /// Starts a gateway on its defaults in a temporary folder, with a fleet, three people who look on, and the reckoning at the end.
    Demo(demo::Arguments),
    /// Plays a fleet of trackers against a gateway and counts what was acknowledged.
    Simulate(simulate::Arguments),
    /// Sends a recorded track (CSV, GPX) or recorded frames (JSON lines) to a gateway.
    Replay(replay::Arguments),
    /// Shows what frames say.
    Decode(DecodeArguments),
    /// Lists the protocols: ports, transports, commands, and how far recorded frames of real devices are understood.
    Protocols(protocols_list::Arguments),
    /// Reads a configuration and says what is wrong with it, or prints it whole with all defaults.
    CheckConfig(check_config::Arguments),
    /// What the operator does: tariffs, accounts, devices of accounts. The gateway must not be running on the data folder.
    Admin(admin::Arguments),
}

#[derive(clap::Args)]
struct DecodeArguments {
    /// The protocol that the frames are in.
    #[arg(long, value_parser = protocol)]
    protocol: Protocol,
    /// Reads JSON lines from standard input and writes a JSON line for each.
    #[arg(long, conflicts_with = "hex")]
    jsonl: bool,
    /// Reads a frame whose checksum does not fit all the same, and marks it: for recordings that were anonymised.
    #[arg(long)]
    ignore_checksum: bool,
    /// The time that the decoder is told (RFC 3339), for formats without a year or day; the system's time where it is not given.
    #[arg(long, value_parser = time)]
    now: Option<policy::Micros>,
    /// Frames in hexadecimal; without any, a frame a line is read from standard input.
    hex: Vec<String>,
}

/// Where the configuration comes from.
#[derive(clap::Args, Clone, Debug)]
struct ConfigArguments {
    /// The configuration file (TOML); without it the defaults hold. `PURVIEW__SECTION__KEY` variables lie over it.
    #[arg(long, short)]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref(), std::env::vars())
    }
}

/// What went wrong, in words for whoever typed the command.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command that the arguments name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let result = match arguments.command {
        Command::Serve(arguments) => in_runtime(serve::run(arguments)),
        Command::Demo(arguments) => in_runtime(demo::run(arguments)),
        Command::Simulate(arguments) => in_runtime(simulate::run(arguments)),
        Command::Replay(arguments) => in_runtime(replay::run(arguments)),
        Command::Decode(arguments) => while_read(decode_frames(&arguments)),
        Command::Protocols(arguments) => while_read(protocols_list::run(&arguments, &mut std::io::stdout())),
        Command::CheckConfig(arguments) => while_read(check_config::run(&arguments, &mut std::io::stdout())),
        Command::Admin(arguments) => in_runtime(admin::run(arguments)),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "purview: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Of a command that only tells something: whoever reads and leaves (`purview protocols | head`) has seen enough.
fn while_read(result: Result<ExitCode, Failure>) -> Result<ExitCode, Failure> {
    result.or_else(|failure| match failure.downcast_ref::<std::io::Error>() {
        Some(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        _ => Err(failure),
    })
}

fn in_runtime(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

fn decode_frames(arguments: &DecodeArguments) -> Result<ExitCode, Failure> {
    let now = arguments.now.unwrap_or_else(|| Clock::system().now());
    let (reader, writer) = (std::io::stdin().lock(), std::io::stdout().lock());
    if arguments.jsonl {
        decode::run_jsonl(arguments.protocol, arguments.ignore_checksum, now, reader, writer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let good = decode::run_human(arguments.protocol, arguments.ignore_checksum, now, &arguments.hex, reader, writer)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn protocol(name: &str) -> Result<Protocol, String> {
    Protocol::from_name(name).ok_or_else(|| format!("no protocol {name:?}; known: {}", protocol_names()))
}

fn protocol_names() -> String {
    Protocol::ALL.iter().map(|p| p.name()).collect::<Vec<_>>().join(", ")
}

fn time(text: &str) -> Result<policy::Micros, String> {
    protocols::from_rfc3339(text).ok_or_else(|| format!("{text:?} is not a time in RFC 3339"))
}
