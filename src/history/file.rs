//! Sealed files: what is known of each at all times, and what is known while it is open.

use super::HistoryError;
use super::checked::Checked;
use super::columns::Rows;
use super::schema::{column, schema};
use super::sidecar::{Run, Sidecar};
use super::{Micros, PageKey};
use crate::model::{DeviceId, Position, Seq};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::ReaderProperties;
use parquet::file::serialized_reader::SerializedRowGroupReader;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of a sealed file, what is always in memory.
#[derive(Debug)]
pub(super) struct SealedFile {
    pub path: PathBuf,
    pub first_seq: Seq,
    pub last_seq: Seq,
    spans: Vec<(Micros, Micros)>,
}

pub(super) fn path(folder: &Path, first_seq: Seq, last_seq: Seq) -> PathBuf {
    folder.join(format!("{first_seq:020}-{last_seq:020}.parquet"))
}

pub(super) fn index_path(path: &Path) -> PathBuf {
    path.with_extension("idx")
}

impl SealedFile {
    pub(super) fn new(path: PathBuf, sidecar: &Sidecar) -> Self {
        Self { path, first_seq: sidecar.first_seq, last_seq: sidecar.last_seq, spans: sidecar.spans.clone() }
    }

    /// Whether it may have something of those times.
    pub(super) fn touches(&self, from: Micros, to: Micros) -> bool {
        let at = self.spans.partition_point(|(_, end)| *end < from);
        self.spans.get(at).is_some_and(|(start, _)| *start <= to)
    }

    pub(super) fn open(&self) -> Result<OpenFile, HistoryError> {
        let sidecar = Sidecar::read(&index_path(&self.path))?;
        let io = |source| HistoryError::Io { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(io)?;
        if file.metadata().map_err(io)?.len() != sidecar.file_bytes {
            return Err(HistoryError::Damaged { path: self.path.clone(), what: "not of its length".to_owned() });
        }
        let checksum_bytes = sidecar.checksums.len() * 4;
        let reader = Arc::new(Checked::new(file, sidecar.file_bytes, sidecar.checksums));
        let metadata = ParquetMetaDataReader::new()
            .with_column_index_policy(PageIndexPolicy::Skip)
            .with_offset_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&*reader)
            .map_err(|e| damaged(&self.path, &e))?;
        let same = schema().is_ok_and(|ours| metadata.file_metadata().schema() == &*ours);
        if !same || metadata.file_metadata().num_rows().cast_unsigned() != sidecar.rows {
            return Err(HistoryError::Damaged { path: self.path.clone(), what: "not the columns or rows that it should have".to_owned() });
        }
        let bytes = metadata.memory_size() + checksum_bytes + sidecar.runs.len() * size_of::<Run>() + size_of::<OpenFile>();
        Ok(OpenFile { path: self.path.clone(), reader, metadata, runs: sidecar.runs, bytes })
    }
}

fn damaged(path: &Path, error: &ParquetError) -> HistoryError {
    HistoryError::Damaged { path: path.to_owned(), what: error.to_string() }
}

/// A file that can be read from.
pub(super) struct OpenFile {
    path: PathBuf,
    reader: Arc<Checked>,
    metadata: ParquetMetaData,
    runs: Vec<Run>,
    /// What it takes of the memory for footers.
    pub bytes: usize,
}

impl OpenFile {
    /// The runs of a device, rising.
    pub(super) fn runs_of(&self, device: DeviceId) -> &[Run] {
        let start = self.runs.partition_point(|r| r.device < device);
        let length = self.runs[start..].partition_point(|r| r.device == device);
        &self.runs[start..start + length]
    }

    /// The keys of a run, in order.
    pub(super) fn keys(&self, run: &Run) -> Result<Vec<PageKey>, HistoryError> {
        let rows: Vec<u32> = (run.row..run.row + run.rows).collect();
        let mut keys = Vec::with_capacity(rows.len());
        self.each_group(&rows, |rows| {
            keys.extend(rows.keys()?);
            Ok(())
        })?;
        Ok(keys)
    }

    /// The positions of rows, which rise.
    pub(super) fn positions(&self, rows: &[u32]) -> Result<Vec<Position>, HistoryError> {
        let mut positions = Vec::with_capacity(rows.len());
        self.each_group(rows, |rows| rows.positions(&mut positions))?;
        if positions.len() == rows.len() {
            return Ok(positions);
        }
        Err(HistoryError::Damaged { path: self.path.clone(), what: "fewer rows than it should have".to_owned() })
    }

    /// Calls with each row group that has some of the rows, and with which of its rows these are.
    fn each_group(&self, rows: &[u32], mut read: impl FnMut(&Rows<'_>) -> Result<(), ParquetError>) -> Result<(), HistoryError> {
        let mut rest = rows;
        let mut first_row = 0_usize;
        for (number, group) in self.metadata.row_groups().iter().enumerate() {
            let end = first_row + usize::try_from(group.num_rows()).unwrap_or(0);
            let (inside, behind) = rest.split_at(rest.partition_point(|row| (*row as usize) < end));
            if !inside.is_empty() {
                let ranges = ranges(inside, first_row);
                let index = self.metadata.page_index_for_row_group(number);
                let whole = group.num_columns() == column::ATTRIBUTES + 1;
                let properties = Arc::new(ReaderProperties::builder().build());
                SerializedRowGroupReader::new(Arc::clone(&self.reader), group, index, properties)
                    .and_then(|group| if whole { read(&Rows::new(&group, &ranges)) } else { Err(ParquetError::EOF(String::new())) })
                    .map_err(|e| damaged(&self.path, &e))?;
            }
            rest = behind;
            first_row = end;
        }
        Ok(())
    }
}

/// Rising rows as ranges, counted from another first row.
fn ranges(rows: &[u32], first_row: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in rows {
        let row = *row as usize - first_row;
        match ranges.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
}

/// The files of a folder, by `seq`; what a crash left half made is removed.
pub(super) fn list(folder: &Path, identity: [u8; 16]) -> Result<Vec<Arc<SealedFile>>, HistoryError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| HistoryError::Io { path: path.clone(), source }
    };
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        match path.extension().and_then(|e| e.to_str()) {
            Some("parquet") => paths.push(path),
            // The index is put in its place before the file.
            Some("idx") if path.with_extension("parquet").exists() => {}
            Some("idx" | "tmp") => std::fs::remove_file(&path).map_err(at(&path))?,
            _ => {}
        }
    }
    paths.sort();
    let mut files: Vec<Arc<SealedFile>> = Vec::new();
    for file_path in paths {
        let sidecar = Sidecar::read(&index_path(&file_path))?;
        let damaged = |what: &str| HistoryError::Damaged { path: file_path.clone(), what: what.to_owned() };
        if sidecar.identity != identity {
            return Err(damaged("the history of another journal"));
        }
        if path(folder, sidecar.first_seq, sidecar.last_seq) != file_path {
            return Err(damaged("the name is not that of its index"));
        }
        if files.last().is_some_and(|last| last.last_seq + 1 != sidecar.first_seq) {
            return Err(damaged("the file before it is missing"));
        }
        files.push(Arc::new(SealedFile::new(file_path, &sidecar)));
    }
    Ok(files)
}
