//! The few things that can go wrong on a disk while writing, in one place, so that they can be made to go wrong.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(super) trait Storage: Send + Sync {
    /// Free for us, in bytes.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
    /// Writes all of it.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when it is on the disk.
    fn sync(&self, file: &File) -> io::Result<()>;
}

/// The disk itself.
pub(super) struct SystemStorage;

impl Storage for SystemStorage {
    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}
