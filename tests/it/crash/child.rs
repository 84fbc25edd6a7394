//! The gateway as a process of its own, which can be killed.

use protocols::Protocol;
use purview::config::Config;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a start may take, catching up included.
const START_DEADLINE: Duration = Duration::from_secs(120);
const STOP_DEADLINE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);

/// A running gateway. It does not outlive this value.
pub(crate) struct Child {
    process: std::process::Child,
    log: PathBuf,
    ports: Vec<u16>,
}

impl Child {
    /// Starts it on a configuration file; its log is added to `log`.
    pub(crate) fn start(config: &Config, file: &Path, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("a log file");
        let process = Command::new(env!("CARGO_BIN_EXE_purview"))
            .args(["serve", "--config"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(out)
            .spawn()
            .expect("the gateway starts");
        Self { process, log: log.to_owned(), ports: config.listener.ports.values().copied().collect() }
    }

    /// Waits until trackers can connect. A gateway that ends by itself fails the trial.
    pub(crate) fn serving(&mut self) {
        let deadline = Instant::now() + START_DEADLINE;
        while !self.ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok()) {
            if let Some(status) = self.process.try_wait().expect("our process") {
                panic!("the gateway ended by itself ({status}):\n{}", self.last_words());
            }
            assert!(Instant::now() < deadline, "the gateway does not serve:\n{}", self.last_words());
            std::thread::sleep(PAUSE);
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        if let Some(status) = self.process.try_wait().expect("our process") {
            panic!("the gateway ended by itself ({status}):\n{}", self.last_words());
        }
        self.process.kill().expect("killed");
        self.process.wait().expect("ended");
    }

    /// SIGTERM, and what it ended with.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        let deadline = Instant::now() + STOP_DEADLINE;
        loop {
            if let Some(status) = self.process.try_wait().expect("our process") {
                return status;
            }
            assert!(Instant::now() < deadline, "the gateway does not stop:\n{}", self.last_words());
            std::thread::sleep(PAUSE);
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ports that are free now, for both transports, and that stay free while the gateway is away: below the range from which the system
/// takes the trackers' own ports.
pub(crate) fn ports(protocols: impl Iterator<Item = Protocol>) -> BTreeMap<String, u16> {
    let first = 20_000 + u16::try_from(std::process::id() * 64 % 10_000).expect("below 10,000");
    let mut candidates = first..30_100;
    let is_free = |port: &u16| {
        let address = (Ipv4Addr::LOCALHOST, *port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    protocols.map(|protocol| (protocol.name().to_owned(), candidates.find(is_free).expect("a free port"))).collect()
}
