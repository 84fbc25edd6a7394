//! The one writer of `events.db`: a thread that gathers what is handed over and writes it in few transactions.

use super::EventsError;
use super::row::{COLUMNS, COLUMNS_COUNT, bind};
use crate::model::{Item, Shared};
use parking_lot::{Condvar, Mutex};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Events that may wait for the disk; whoever hands over more waits.
const WAITING_MAX: usize = 65_536;

/// Events of one transaction.
const TRANSACTION_MAX: usize = 8_192;

/// Events of one statement.
const STATEMENT_MAX: usize = 32;

/// How long events are gathered when nobody waits for them.
const GATHER: Duration = Duration::from_millis(20);

/// After a failed write.
const RETRY: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Queue {
    waiting: Vec<Shared>,
    /// Events handed over since the start.
    appended: u64,
    /// Somebody waits for everything up to here.
    wanted: u64,
    closed: bool,
}

struct Inner {
    queue: Mutex<Queue>,
    /// There is something to write, or somebody waits for it.
    work: Condvar,
    /// There is room again, or something was written.
    progress: Condvar,
    /// Events written since the start.
    written: watch::Sender<u64>,
    failing: AtomicBool,
}

pub(super) struct Writer {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(url: String) -> std::io::Result<Self> {
        let inner = Arc::new(Inner {
            queue: Mutex::new(Queue::default()),
            work: Condvar::new(),
            progress: Condvar::new(),
            written: watch::Sender::new(0),
            failing: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&inner);
        let thread = std::thread::Builder::new().name("events".to_owned()).spawn(move || shared.run(&runtime, &url))?;
        Ok(Self { inner, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn append(&self, items: &[Shared]) {
        let mut events = items.iter().filter(|item| matches!(item.item(), Item::Visit(_) | Item::Alert(_))).peekable();
        if events.peek().is_none() {
            return;
        }
        let mut queue = self.inner.queue.lock();
        while queue.waiting.len() >= WAITING_MAX && !queue.closed {
            self.inner.progress.wait(&mut queue);
        }
        if queue.closed {
            return;
        }
        let before = queue.waiting.len();
        queue.waiting.extend(events.cloned());
        queue.appended += (queue.waiting.len() - before) as u64;
        self.inner.work.notify_one();
    }

    /// Everything handed over so far is wanted now; `None`: it is written already.
    fn want(&self) -> Option<u64> {
        let mut queue = self.inner.queue.lock();
        let appended = queue.appended;
        if *self.inner.written.borrow() >= appended {
            return None;
        }
        queue.wanted = queue.wanted.max(appended);
        self.inner.work.notify_one();
        Some(appended)
    }

    pub(super) async fn flush(&self) -> Result<(), EventsError> {
        let Some(wanted) = self.want() else { return Ok(()) };
        let mut written = self.inner.written.subscribe();
        loop {
            if *written.borrow_and_update() >= wanted {
                return Ok(());
            }
            if self.failing() || written.changed().await.is_err() {
                return Err(EventsError::Unwritten);
            }
        }
    }

    pub(super) fn flush_blocking(&self) -> Result<(), EventsError> {
        let Some(wanted) = self.want() else { return Ok(()) };
        let mut queue = self.inner.queue.lock();
        while *self.inner.written.borrow() < wanted {
            if self.failing() || queue.closed {
                return Err(EventsError::Unwritten);
            }
            self.inner.progress.wait(&mut queue);
        }
        Ok(())
    }

    pub(super) fn failing(&self) -> bool {
        self.inner.failing.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.inner.queue.lock().closed = true;
        self.inner.work.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // A writer that panicked has nothing more to give.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn run(&self, runtime: &tokio::runtime::Runtime, url: &str) {
        let mut connection = None;
        while let Some(batch) = self.next_batch() {
            loop {
                match runtime.block_on(write(&mut connection, url, &batch)) {
                    Ok(()) => break,
                    Err(error) => {
                        connection = None;
                        self.failed(&error);
                        if self.queue.lock().closed {
                            return;
                        }
                        std::thread::sleep(RETRY);
                    }
                }
            }
            self.failing.store(false, Ordering::Relaxed);
            let queue = self.queue.lock();
            self.written.send_modify(|written| *written += batch.len() as u64);
            self.progress.notify_all();
            drop(queue);
        }
        if let Some(connection) = connection {
            // The rows are durable already.
            let _ = runtime.block_on(connection.close());
        }
    }

    fn failed(&self, error: &sqlx::Error) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "events: what was computed cannot be written; it is tried again");
        }
        let queue = self.queue.lock();
        // Those who wait see that it fails.
        self.written.send_modify(|_| ());
        self.progress.notify_all();
        drop(queue);
    }

    /// `None`: closed, and everything is written.
    fn next_batch(&self) -> Option<Vec<Shared>> {
        let mut queue = self.queue.lock();
        while queue.waiting.is_empty() {
            if queue.closed {
                return None;
            }
            self.work.wait(&mut queue);
        }
        let is_urgent = |queue: &Queue| queue.closed || queue.wanted > *self.written.borrow() || queue.waiting.len() >= TRANSACTION_MAX / 8;
        if !is_urgent(&queue) {
            self.work.wait_while_for(&mut queue, |queue| !is_urgent(queue), GATHER);
        }
        let count = queue.waiting.len().min(TRANSACTION_MAX);
        let batch = queue.waiting.drain(..count).collect();
        self.progress.notify_all();
        Some(batch)
    }
}

async fn write(connection: &mut Option<AnyConnection>, url: &str, batch: &[Shared]) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => {
            let mut new = AnyConnection::connect(url).await?;
            for pragma in ["PRAGMA busy_timeout = 5000", "PRAGMA synchronous = FULL"] {
                new.execute(pragma).await?;
            }
            connection.insert(new)
        }
    };
    let mut transaction = connection.begin().await?;
    for some in batch.chunks(STATEMENT_MAX) {
        let mut insert = sqlx::query(AssertSqlSafe(statement(some.len())));
        for event in some {
            insert = bind(insert, event.item());
        }
        insert.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

fn statement(rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=COLUMNS_COUNT).map(|column| format!("${}", row * COLUMNS_COUNT + column)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!("INSERT INTO event ({COLUMNS}) VALUES {} ON CONFLICT (id, revision) DO NOTHING", rows.join(", "))
}
