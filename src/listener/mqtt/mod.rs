//! Our own MQTT listener: versions 3.1.1 and 5.0 on one port, QoS 0 and 1. `docs/decisions/mqtt.md` says what it does and leaves.

mod connection;
mod packets;

use super::{Shared, stream};
use connection::Connection;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    if shared.config.mqtt_password.is_none() {
        tracing::info!("MQTT without a password: a device is known by its topic alone");
    }
    stream::accept(&shared, "mqtt", &listener, |stream, address| {
        shared.tasks.spawn(connection(Arc::clone(&shared), stream, address));
    })
    .await;
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, address: SocketAddr) {
    let Some(admission) = shared.connections.admit(address.ip()) else { return };
    let _ = stream.set_nodelay(true);
    let mut connection = Connection::new(&shared, &admission, stream);
    let end = tokio::select! {
        end = connection.run() => end,
        () = admission.cut.cancelled() => "a device of it was moved or closed",
    };
    tracing::debug!(protocol = "mqtt", connection = admission.number, end, "connection ended");
}

/// Whether the password is the one that is wanted, in a time that tells nothing of where they differ.
fn password_fits(wanted: Option<&str>, given: Option<&[u8]>) -> bool {
    let Some(wanted) = wanted else { return true };
    let (wanted, given) = (Sha256::digest(wanted.as_bytes()), given.map(Sha256::digest));
    given.is_some_and(|given| wanted.iter().zip(given.iter()).fold(0, |different, (a, b)| different | (a ^ b)) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_wanted_must_be_given_whole() {
        for (wanted, given, fits) in [
            (None, None, true),
            (None, Some("x"), true),
            (Some("secret"), Some("secret"), true),
            (Some("secret"), Some("Secret"), false),
            (Some("secret"), Some("secre"), false),
            (Some("secret"), Some(""), false),
            (Some("secret"), None, false),
        ] {
            assert_eq!(password_fits(wanted, given.map(str::as_bytes)), fits, "{wanted:?} {given:?}");
        }
    }
}
