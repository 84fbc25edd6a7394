//! The composition root: builds the rooms in order, starts what runs, and stops it in the reverse order.

mod adapters;
mod health;
mod sources;

use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::Config;
use crate::delivery::{Cursors, Delivery, SocketControl, StreamListener};
use crate::directory::Directory;
use crate::events::Events;
use crate::frames::Frames;
use crate::history::History;
use crate::journal::{Batch, Journal, NewEntry};
use crate::listener::{ListenError, Listener};
use crate::pipeline::{Latest, Parts, Pipeline, PipelineHandle, Sink};
use crate::router::Router;
use adapters::{ChangesInJournal, DirectoryViewers, Enforcement, RegisteredDevices, StillMay};
use health::CaughtUp;
use sources::GatewaySources;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why the gateway does not start. Each says which room, and what it needs.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant is the error of the room that it is named for")]
pub enum StartError {
    #[error("data folder {path}: {source}")]
    DataDir { path: PathBuf, source: std::io::Error },
    #[error("journal: {0}")]
    Journal(#[from] crate::journal::JournalError),
    #[error("history: {0}")]
    History(#[from] crate::history::HistoryError),
    #[error("directory: {0}")]
    Directory(#[from] crate::directory::OpenError),
    #[error("events: {0}")]
    Events(#[from] crate::events::EventsError),
    #[error(transparent)]
    Commands(#[from] crate::commands::CommandsError),
    #[error("pipeline: {0}")]
    Pipeline(#[from] crate::pipeline::PipelineError),
    #[error("listener: {0}")]
    Listener(#[from] ListenError),
    #[error("{what} {address}: {source}")]
    Bind { what: &'static str, address: String, source: std::io::Error },
}

/// A running gateway.
pub struct Gateway {
    directory: Directory,
    journal: Journal,
    history: History,
    events: Events,
    commands: Commands,
    router: Arc<Router>,
    delivery: Arc<Delivery>,
    pipeline: Arc<PipelineHandle>,
    listener: Arc<OnceLock<Listener>>,
    api: SocketAddr,
    telemetry: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Fan(Arc<Router>);

impl Sink for Fan {
    fn publish(&self, items: &[crate::model::Shared]) {
        self.0.publish(items);
    }
}

impl Gateway {
    /// Opens the data folder, catches up with the journal, and serves.
    ///
    /// # Errors
    /// Names the room, the file or the address that stands in the way.
    pub async fn start(config: Config, clock: Arc<Clock>) -> Result<Self, StartError> {
        crate::telemetry::recorder();
        let dir = config.data_dir.clone();
        std::fs::create_dir_all(&dir).map_err(|source| StartError::DataDir { path: dir.clone(), source })?;
        let api_socket = bind("api", &config.api.bind).await?;
        let telemetry_socket = bind("telemetry", &config.telemetry.bind).await?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (journal, report) = Journal::open(&dir.join("journal"), &config.journal, Arc::clone(&clock))?;
        tracing::info!(segments = report.segments, last_seq = report.last_seq, torn_bytes = report.torn_bytes, "journal opened");
        let hook = Arc::new(ChangesInJournal(journal.clone()));
        let directory = Directory::open(&dir, &config, Arc::clone(&clock), Some(hook)).await?;
        for (device, generation) in directory.snapshot().generations() {
            journal.set_current(device, generation);
        }
        let history = History::open(&dir, &config.history, &config.journal, journal.clone(), Arc::clone(&clock))?;
        let events = Events::open(&dir).await?;
        let commands = Commands::open(&dir, Arc::clone(&clock), Arc::new(StillMay(directory.clone()))).await?;
        let router = Arc::new(Router::new(config.delivery.clone(), Arc::clone(&clock), Arc::new(DirectoryViewers(directory.clone()))));
        let listener = Arc::new(OnceLock::new());
        let barrier = Enforcement { journal: journal.clone(), router: Arc::clone(&router), listener: Arc::clone(&listener) };
        directory.set_barrier(Arc::new(barrier));

        let caught_up = CaughtUp::default();
        tasks.spawn(health::serve(telemetry_socket.0, journal.clone(), Arc::clone(&caught_up), stop.clone()));
        let pipeline = Arc::new(Pipeline::open(&dir, &journal)?.start(Parts {
            pipeline: config.pipeline.clone(),
            listener: config.listener.clone(),
            journal: journal.clone(),
            history: history.clone(),
            events: events.clone(),
            definitions: Arc::new(directory.clone()),
            sink: Arc::new(Fan(Arc::clone(&router))),
        })?);
        // Nobody is shown, or lets in, anything before what was recorded has been computed: a replay is not news.
        pipeline.caught_up().await;
        caught_up.store(true, Ordering::Relaxed);
        let sources = GatewaySources {
            directory: directory.clone(),
            journal: journal.clone(),
            events: events.clone(),
            latest: Arc::clone(pipeline.latest()),
            remarks: Arc::clone(pipeline.remarks()),
        };
        let cursors = cursors(&dir)?;
        let delivery = Arc::new(Delivery { router: Arc::clone(&router), sources: Arc::new(sources), cursors, clock: Arc::clone(&clock) });
        let gateway = Self {
            directory,
            journal,
            history,
            events,
            commands,
            router,
            delivery,
            pipeline,
            listener,
            api: api_socket.1,
            telemetry: telemetry_socket.1,
            stop,
            tasks,
        };
        if let Err(error) = gateway.serve(config, clock, api_socket.0).await {
            // The data folder is free again for whoever tries with other ports.
            gateway.stop().await;
            return Err(error);
        }
        Ok(gateway)
    }

    async fn serve(&self, config: Config, clock: Arc<Clock>, api_socket: TcpListener) -> Result<(), StartError> {
        let devices = Arc::new(RegisteredDevices(self.directory.clone()));
        let frames = Frames::new(Arc::clone(&clock));
        let parts = crate::listener::Parts {
            clock: Arc::clone(&clock),
            journal: self.journal.clone(),
            devices,
            commands: self.commands.clone(),
            frames: frames.clone(),
        };
        let listener = Listener::start(config.listener.clone(), parts).await?;
        // It is set once, here.
        let _ = self.listener.set(listener);
        self.tasks.spawn(expiry(self.commands.clone(), self.stop.clone()));
        self.tasks.spawn(ticks(self.journal.clone(), Arc::clone(&clock), config.pipeline.tick_s, self.stop.clone()));
        let app = crate::api::router(crate::api::ApiState::new(crate::api::Parts {
            config: config.api.clone(),
            rows_max: config.history.page_rows_max,
            clock,
            directory: self.directory.clone(),
            delivery: Arc::clone(&self.delivery),
            history: self.history.clone(),
            events: self.events.clone(),
            commands: self.commands.clone(),
            frames,
            latest: Arc::clone(self.pipeline.latest()),
        }));
        let stream_listener = StreamListener::new(api_socket, config.delivery.send_buffer_bytes);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let stopped = stop.clone();
            let service = app.into_make_service_with_connect_info::<SocketControl>();
            let serving = axum::serve(stream_listener, service).with_graceful_shutdown(async move { stopped.cancelled().await });
            let at_most = async {
                stop.cancelled().await;
                tokio::time::sleep(STOP_GRACE).await;
            };
            tokio::select! {
                served = async { serving.await } => if let Err(error) = served { tracing::error!(%error, "the api ended") },
                () = at_most => {}
            }
        });
        Ok(())
    }

    /// Where viewers connect.
    #[must_use]
    pub const fn api(&self) -> SocketAddr {
        self.api
    }

    /// Where health and metrics are.
    #[must_use]
    pub const fn telemetry(&self) -> SocketAddr {
        self.telemetry
    }

    /// The tracker side.
    #[must_use]
    pub fn listener(&self) -> Option<&Listener> {
        self.listener.get()
    }

    /// Who and what exists.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The log.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Positions by time.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Visits and alerts.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// Commands to devices.
    #[must_use]
    pub const fn commands(&self) -> &Commands {
        &self.commands
    }

    /// The live fan-out.
    #[must_use]
    pub const fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// How streams begin.
    #[must_use]
    pub const fn delivery(&self) -> &Arc<Delivery> {
        &self.delivery
    }

    /// The newest of each device.
    #[must_use]
    pub fn latest(&self) -> &Arc<Latest> {
        self.pipeline.latest()
    }

    /// Waits until everything that is durable now was computed and published.
    pub async fn settled(&self) {
        let target = self.journal.committed();
        let mut processed = self.pipeline.processed();
        // The sender lives as long as the pipeline.
        let _ = processed.wait_for(|seq| *seq >= target).await;
    }

    /// Resolves when the gateway cannot go on: the journal failed, or does not read. It is then to be stopped, and started again.
    pub async fn failed(&self) -> &'static str {
        tokio::select! {
            () = self.journal.failed() => "the journal failed",
            () = self.pipeline.failed() => "the pipeline failed",
        }
    }

    /// Lets nobody in any more, answers what waits, computes what was recorded, and closes the files.
    pub async fn stop(self) {
        if let Some(listener) = self.listener.get() {
            listener.stop().await;
        }
        self.stop.cancel();
        self.router.close_all();
        self.tasks.close();
        let _ = tokio::time::timeout(STOP_GRACE * 2, self.tasks.wait()).await;
        self.commands.close().await;
        self.directory.close().await;
        let Self { pipeline, history, events, journal, .. } = self;
        // These write and wait for threads of their own.
        let closed = tokio::task::spawn_blocking(move || {
            pipeline.stop();
            events.close();
            history.close();
            journal.close();
        });
        if closed.await.is_err() {
            tracing::error!("a room did not close in order; the next start replays");
        }
    }
}

/// The directory of a data folder on which no gateway runs.
pub struct Offline {
    directory: Directory,
    journal: Journal,
}

impl Offline {
    /// Opens it; a gateway that runs on the folder refuses it.
    ///
    /// # Errors
    /// Names the file that stands in the way.
    pub async fn open(config: &Config, clock: Arc<Clock>) -> Result<Self, StartError> {
        let dir = config.data_dir.clone();
        std::fs::create_dir_all(&dir).map_err(|source| StartError::DataDir { path: dir.clone(), source })?;
        let (journal, _) = Journal::open(&dir.join("journal"), &config.journal, Arc::clone(&clock))?;
        let hook = Arc::new(ChangesInJournal(journal.clone()));
        let directory = Directory::open(&dir, config, clock, Some(hook)).await?;
        Ok(Self { directory, journal })
    }

    /// Who and what exists.
    #[must_use]
    pub const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Closes the files.
    pub async fn close(self) {
        self.directory.close().await;
        self.journal.close();
    }
}

/// How long connections may take to end in order.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The seal of cursors: kept, so that cursors outlive the process.
fn cursors(dir: &Path) -> Result<Cursors, StartError> {
    let key = dir.join("cursor.key");
    Cursors::open(&key).map_err(|source| StartError::DataDir { path: key, source })
}

async fn bind(what: &'static str, address: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { what, address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}

/// How often commands that wait too long are looked for.
const EXPIRY: Duration = Duration::from_secs(1);

async fn expiry(commands: Commands, stop: CancellationToken) {
    let mut every = tokio::time::interval(EXPIRY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = commands.expire().await {
            tracing::error!(%error, "commands that wait too long could not be ended");
        }
    }
}

/// Time goes on in the journal: silence is computed from what stands there.
async fn ticks(journal: Journal, clock: Arc<Clock>, tick_s: u64, stop: CancellationToken) {
    let mut every = tokio::time::interval(Duration::from_secs(tick_s));
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => return,
        }
        let mut batch = Batch::new();
        batch.push(&NewEntry::Tick { at: clock.now() });
        // A full disk takes no ticks either; the next one that is taken tells the time.
        let _ = journal.append(batch).await;
    }
}
