//! `check-config`.

use super::{ConfigArguments, Failure};
use std::io::Write;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<ExitCode, Failure> {
    let config = arguments.config.load()?;
    out.write_all(toml::to_string_pretty(&config)?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
