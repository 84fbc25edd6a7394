//! `serve`.

use super::{ConfigArguments, Failure};
use crate::clock::Clock;
use crate::gateway::Gateway;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let config = arguments.config.load()?;
    crate::telemetry::start_logs(&config.telemetry);
    raise_file_limit(config.listener.connections_max + config.delivery.streams_max);
    let gateway = Gateway::start(config, Arc::new(Clock::system())).await?;
    tracing::info!(api = %gateway.api(), telemetry = %gateway.telemetry(), "serving");
    for bound in gateway.listener().map(crate::listener::Listener::bound).unwrap_or_default() {
        tracing::info!(protocol = bound.protocol.name(), transport = ?bound.transport, address = %bound.address, "listening");
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let failed = tokio::select! {
        reason = gateway.failed() => Some(reason),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    if let Some(reason) = failed {
        // Nothing is acknowledged any more; a new start reads what is durable and goes on from there.
        tracing::error!(reason, "the gateway cannot go on");
        gateway.stop().await;
        return Ok(ExitCode::FAILURE);
    }
    tracing::info!("stopping");
    gateway.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Each connection is an open file: the soft limit is raised as far as the hard one lets it, and what is still too low is said.
fn raise_file_limit(wanted: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = wanted as u64;
    if limit.current.is_some_and(|now| now < wanted) {
        let current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
        let raised = setrlimit(Resource::Nofile, Rlimit { current, maximum: limit.maximum }).is_ok();
        if !raised || current < Some(wanted) {
            tracing::warn!(wanted, limit = ?current, "fewer files may be open than the configured connections and streams need");
        }
    }
}
