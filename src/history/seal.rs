//! Sealing: one segment's accepted records, sorted, into one file that is wholly there or not at all.

use super::checked::Summing;
use super::columns::Columns;
use super::file::{self, SealedFile};
use super::schema::{ROW_GROUP_ROWS, properties, schema};
use super::sidecar::{self, Runs, Sidecar};
use super::tail::TailSegment;
use super::{HistoryError, Seq};
use crate::journal::SegmentBytes;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// What is to be sealed: a segment from its first entry to its last.
pub(super) struct Segment<'a> {
    pub identity: [u8; 16],
    pub first_seq: Seq,
    pub last_seq: Seq,
    pub bytes: &'a SegmentBytes,
    /// `None`: no record of it was accepted.
    pub accepted: Option<&'a TailSegment>,
}

/// Makes the file and its index durable. Returns it and its number of rows.
pub(super) fn seal(folder: &Path, segment: &Segment<'_>) -> Result<(SealedFile, u64), HistoryError> {
    let path = file::path(folder, segment.first_seq, segment.last_seq);
    let unfinished = path.with_extension("parquet.tmp");
    let at = |source| HistoryError::Io { path: unfinished.clone(), source };
    let output = Summing::new(File::create(&unfinished).map_err(at)?);
    let (output, runs) = write(output, segment).map_err(|error| match error {
        ParquetError::External(error) if error.is::<io::Error>() => at(io::Error::other(error)),
        error => HistoryError::Damaged { path: path.clone(), what: error.to_string() },
    })?;
    let (done, file_bytes, checksums) = output.finish().map_err(at)?;
    done.sync_all().map_err(at)?;
    let rows = runs.iter().map(|r| u64::from(r.rows)).sum();
    let sidecar = Sidecar {
        identity: segment.identity,
        first_seq: segment.first_seq,
        last_seq: segment.last_seq,
        rows,
        file_bytes,
        spans: sidecar::spans(&runs),
        checksums,
        runs,
    };
    let index = file::index_path(&path);
    let at = |source| HistoryError::Io { path: index.clone(), source };
    let unfinished_index = path.with_extension("idx.tmp");
    let mut output = File::create(&unfinished_index).map_err(at)?;
    output.write_all(&sidecar.to_bytes()).and_then(|()| output.sync_all()).map_err(at)?;
    // The index first: a file without one would be damage, an index without a file is only a leftover.
    let sync_folder = || File::open(folder).and_then(|f| f.sync_all());
    std::fs::rename(&unfinished_index, &index).and_then(|()| sync_folder()).map_err(at)?;
    std::fs::rename(&unfinished, &path).and_then(|()| sync_folder()).map_err(at)?;
    Ok((SealedFile::new(path, &sidecar), rows))
}

fn write<W: Write + Send>(output: W, segment: &Segment<'_>) -> Result<(W, Vec<sidecar::Run>), ParquetError> {
    let mut writer = SerializedFileWriter::new(output, schema()?, properties())?;
    let mut columns = Columns::default();
    let mut runs = Runs::default();
    for device in segment.accepted.map(TailSegment::devices).unwrap_or_default() {
        for found in segment.accepted.map(|a| a.of_device(device)).unwrap_or_default() {
            let record = segment.bytes.record(found.row.offset).filter(|r| r.device == device);
            let record = record.ok_or_else(|| ParquetError::General(format!("entry {} is no record of its device", found.key.seq)))?;
            columns.push(&found, &record);
            runs.push(device, found.key.time);
            if columns.rows() == ROW_GROUP_ROWS {
                std::mem::take(&mut columns).write(writer.next_row_group()?)?;
            }
        }
    }
    if columns.rows() > 0 {
        columns.write(writer.next_row_group()?)?;
    }
    Ok((writer.into_inner()?, runs.finish()))
}
