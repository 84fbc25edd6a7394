//! Mosquitto's own programs, where they are installed. A test that needs them and has them not says so.

#![allow(clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(60);

fn find(program: &str, test: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(program)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {test}: {program} is not installed (scripts/tools installs it)");
    }
    found
}

/// The place of a phone, `second` seconds after a day in 2023.
pub fn location(second: i64) -> String {
    format!(r#"{{"_type":"location","tst":{},"lat":52.5,"lon":13.4,"vel":50,"cog":90}}"#, 1_700_000_000 + second)
}

/// `mosquitto_pub`.
pub struct Publisher(PathBuf);

impl Publisher {
    pub fn find(test: &str) -> Option<Self> {
        find("mosquitto_pub", test).map(Self)
    }

    /// Runs it to its end.
    pub async fn run(&self, port: u16, arguments: &[&str], input: &str) -> ExitStatus {
        let mut command = Command::new(&self.0);
        command.args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("its input");
        let feed = async {
            // It may end before it read everything.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
        };
        let (status, ()) = timeout(PATIENCE, async { tokio::join!(child.wait(), feed) }).await.expect("it ends in time");
        status.expect("its status")
    }
}

pub async fn publish(publisher: &Publisher, port: u16, arguments: &[&str]) -> bool {
    publisher.run(port, arguments, "").await.success()
}

/// A broker of our own, with its sessions kept in a folder of its own.
pub struct Broker {
    program: PathBuf,
    folder: TempDir,
    pub port: u16,
    child: Child,
}

impl Broker {
    pub async fn start(test: &str) -> Option<Self> {
        let program = find("mosquitto", test)?;
        let folder = tempfile::tempdir().expect("a folder");
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\nautosave_interval 1\n\
             max_queued_messages 0\nuser root\nlog_dest none\n",
            folder.path().display()
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).expect("written");
        let child = run(&program, folder.path(), port).await;
        Some(Self { program, folder, port, child })
    }

    /// Ends it as a crash would.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it ends");
    }

    pub async fn restart(&mut self) {
        self.child = run(&self.program, self.folder.path(), self.port).await;
    }
}

async fn run(program: &Path, folder: &Path, port: u16) -> Child {
    let mut command = Command::new(program);
    command.arg("-c").arg(folder.join("mosquitto.conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.kill_on_drop(true).spawn().expect("it starts");
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "the broker does not listen");
        sleep(Duration::from_millis(20)).await;
    }
    child
}
