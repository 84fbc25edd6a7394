//! SQLite files, as all rooms that have one open them.

use sqlx::AnyPool;
use sqlx::Executor as _;
use sqlx::any::AnyPoolOptions;
use std::fmt::Write as _;
use std::path::Path;

/// The address of a database file, which is made if it is missing. `None`: the path is not UTF-8.
pub(crate) fn url(path: &Path) -> Option<String> {
    let mut url = String::from("sqlite://");
    for c in path.to_str()?.chars() {
        match c {
            '%' | '?' | '#' | ' ' => {
                let _ = write!(url, "%{:02X}", u32::from(c));
            }
            c => url.push(c),
        }
    }
    url.push_str("?mode=rwc");
    Some(url)
}

/// Connections to a file whose every commit is durable.
pub(crate) async fn pool(path: &Path, connections_max: u32) -> Result<AnyPool, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let url = url(path).ok_or_else(|| sqlx::Error::Configuration(format!("{} is not UTF-8", path.display()).into()))?;
    AnyPoolOptions::new()
        .max_connections(connections_max)
        .after_connect(|connection, _| {
            Box::pin(async move {
                for pragma in ["PRAGMA journal_mode = WAL", "PRAGMA busy_timeout = 5000", "PRAGMA synchronous = FULL"] {
                    connection.execute(pragma).await?;
                }
                Ok(())
            })
        })
        .connect(&url)
        .await
}
