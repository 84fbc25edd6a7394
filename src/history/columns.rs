//! Positions as columns: written to, and read from, the row groups of a file.

use super::attributes;
use super::schema::column;
use super::tail::{Found, Marks};
use crate::journal::RecordRef;
use crate::model::{AccountId, DeviceId, Position, Seq, TimeFlag};
use bytes::Bytes;
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::SerializedRowGroupWriter;
use protocols::{Attributes, Fix, Latitude, Longitude};
use std::io::Write;
use std::ops::Range;

/// A column in which values may be missing.
#[derive(Default)]
struct Sparse<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Sparse<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }
}

/// The rows of one row group that is being made.
#[derive(Default)]
pub(super) struct Columns {
    device: Vec<i32>,
    time: Vec<i64>,
    seq: Vec<i64>,
    account: Vec<i32>,
    recorded_at: Vec<i64>,
    received_at: Vec<i64>,
    latitude: Sparse<f64>,
    longitude: Sparse<f64>,
    valid: Vec<bool>,
    altitude: Sparse<f32>,
    speed: Sparse<f32>,
    course: Sparse<f32>,
    late: Vec<bool>,
    time_flag: Vec<i32>,
    attributes: String,
    attribute_ends: Vec<usize>,
}

impl Columns {
    pub(super) fn rows(&self) -> usize {
        self.device.len()
    }

    pub(super) fn push(&mut self, found: &Found, record: &RecordRef<'_>) {
        let marks = settled(found.row.marks(), record.fix_time.is_some());
        let fix = record.fix.as_ref();
        self.device.push(record.device.0.cast_signed());
        self.time.push(found.key.time);
        self.seq.push(found.key.seq.cast_signed());
        self.account.push(record.account.0.cast_signed());
        self.recorded_at.push(found.recorded_at);
        self.received_at.push(record.received_at);
        self.latitude.push(fix.map(|f| f.latitude.degrees()));
        self.longitude.push(fix.map(|f| f.longitude.degrees()));
        self.valid.push(fix.is_some_and(|f| f.valid));
        self.altitude.push(fix.and_then(|f| f.altitude_m));
        self.speed.push(fix.and_then(|f| f.speed_kmh));
        self.course.push(fix.and_then(|f| f.course_deg));
        self.late.push(marks.late());
        self.time_flag.push(marks.time_flag_number());
        Attributes::from_bytes(record.attributes).unwrap_or_default().write_json(&mut self.attributes);
        self.attribute_ends.push(self.attributes.len());
    }

    /// Writes all columns of a row group, one after the other, as the format wants it.
    pub(super) fn write<W: Write + Send>(self, mut group: SerializedRowGroupWriter<'_, W>) -> Result<()> {
        dense::<Int32Type, W>(&mut group, &self.device)?;
        dense::<Int64Type, W>(&mut group, &self.time)?;
        dense::<Int64Type, W>(&mut group, &self.seq)?;
        dense::<Int32Type, W>(&mut group, &self.account)?;
        dense::<Int64Type, W>(&mut group, &self.recorded_at)?;
        dense::<Int64Type, W>(&mut group, &self.received_at)?;
        sparse::<DoubleType, W>(&mut group, &self.latitude)?;
        sparse::<DoubleType, W>(&mut group, &self.longitude)?;
        dense::<BoolType, W>(&mut group, &self.valid)?;
        sparse::<FloatType, W>(&mut group, &self.altitude)?;
        sparse::<FloatType, W>(&mut group, &self.speed)?;
        sparse::<FloatType, W>(&mut group, &self.course)?;
        dense::<BoolType, W>(&mut group, &self.late)?;
        dense::<Int32Type, W>(&mut group, &self.time_flag)?;
        let text = Bytes::from(self.attributes);
        let mut start = 0;
        let slices = self.attribute_ends.iter().map(|end| ByteArray::from(text.slice(std::mem::replace(&mut start, *end)..*end)));
        dense::<ByteArrayType, W>(&mut group, &slices.collect::<Vec<_>>())?;
        group.close().map(drop)
    }
}

/// A time is missing exactly where the record has none, whatever was said of it.
fn settled(marks: Marks, has_time: bool) -> Marks {
    let flag = match marks.time_flag() {
        _ if !has_time => TimeFlag::Missing,
        TimeFlag::Missing => TimeFlag::Sound,
        flag => flag,
    };
    Marks::new(marks.late(), flag)
}

/// The position of a record in the tail.
pub(super) fn position(found: &Found, record: &RecordRef<'_>) -> Position {
    let marks = settled(found.row.marks(), record.fix_time.is_some());
    let position = record.to_position(found.key.seq, found.recorded_at);
    Position { late: marks.late(), time_flag: marks.time_flag(), ..position }
}

fn dense<T: DataType, W: Write + Send>(group: &mut SerializedRowGroupWriter<'_, W>, values: &[T::T]) -> Result<()> {
    write_column::<T, W>(group, values, None)
}

fn sparse<T: DataType, W: Write + Send>(group: &mut SerializedRowGroupWriter<'_, W>, column: &Sparse<T::T>) -> Result<()> {
    write_column::<T, W>(group, &column.values, Some(&column.levels))
}

fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".to_owned()))?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

/// Rows of one row group, read column by column.
pub(super) struct Rows<'a> {
    group: &'a dyn RowGroupReader,
    /// Rising, within the row group.
    ranges: &'a [Range<usize>],
}

impl<'a> Rows<'a> {
    pub(super) const fn new(group: &'a dyn RowGroupReader, ranges: &'a [Range<usize>]) -> Self {
        Self { group, ranges }
    }

    /// Times and seqs alone.
    pub(super) fn keys(&self) -> Result<impl Iterator<Item = super::PageKey>> {
        let (times, seqs) = (self.dense::<Int64Type>(column::TIME)?, self.dense::<Int64Type>(column::SEQ)?);
        Ok(times.into_iter().zip(seqs).map(|(time, seq)| super::PageKey { time, seq: seq.cast_unsigned() }))
    }

    pub(super) fn positions(&self, out: &mut Vec<Position>) -> Result<()> {
        let (device, account) = (self.dense::<Int32Type>(column::DEVICE)?, self.dense::<Int32Type>(column::ACCOUNT)?);
        let (time, seq) = (self.dense::<Int64Type>(column::TIME)?, self.dense::<Int64Type>(column::SEQ)?);
        let recorded_at = self.dense::<Int64Type>(column::RECORDED_AT)?;
        let received_at = self.dense::<Int64Type>(column::RECEIVED_AT)?;
        let mut fixes = Fixes::read(self)?;
        let (late, time_flag) = (self.dense::<BoolType>(column::LATE)?, self.dense::<Int32Type>(column::TIME_FLAG)?);
        let texts = self.dense::<ByteArrayType>(column::ATTRIBUTES)?;
        for row in 0..device.len() {
            let time_flag = match time_flag[row] {
                0 => TimeFlag::Sound,
                1 => TimeFlag::Missing,
                2 => TimeFlag::Ancient,
                _ => TimeFlag::Future,
            };
            let text = texts[row].as_utf8()?;
            let attributes = attributes::from_json(text).ok_or_else(|| ParquetError::General(format!("attributes of row {row}")))?;
            out.push(Position {
                seq: Seq::from(seq[row].cast_unsigned()),
                account: AccountId(account[row].cast_unsigned()),
                device: DeviceId(device[row].cast_unsigned()),
                fix_time: (time_flag != TimeFlag::Missing).then_some(time[row]),
                received_at: received_at[row],
                recorded_at: recorded_at[row],
                fix: fixes.take(row),
                attributes,
                late: late[row],
                time_flag,
            });
        }
        Ok(())
    }

    fn dense<T: DataType>(&self, column: usize) -> Result<Vec<T::T>> {
        let (mut values, rows) = (Vec::new(), self.ranges.iter().map(ExactSizeIterator::len).sum::<usize>());
        self.read::<T>(column, |reader, count| reader.read_records(count, None, None, &mut values))?;
        if values.len() == rows { Ok(values) } else { Err(short(column)) }
    }

    fn sparse<T: DataType>(&self, column: usize) -> Result<Vec<Option<T::T>>> {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        self.read::<T>(column, |reader, count| reader.read_records(count, Some(&mut levels), None, &mut values))?;
        let present = levels.iter().filter(|level| **level > 0).count();
        if present != values.len() {
            return Err(short(column));
        }
        let mut values = values.into_iter();
        Ok(levels.into_iter().map(|level| if level > 0 { values.next() } else { None }).collect())
    }

    fn read<T: DataType>(
        &self,
        column: usize,
        mut take: impl FnMut(&mut ColumnReaderImpl<T>, usize) -> Result<(usize, usize, usize)>,
    ) -> Result<()> {
        let mut reader = get_typed_column_reader::<T>(self.group.get_column_reader(column)?);
        let mut at = 0;
        for range in self.ranges {
            if reader.skip_records(range.start - at)? != range.start - at {
                return Err(short(column));
            }
            let mut left = range.len();
            while left > 0 {
                let (rows, ..) = take(&mut reader, left)?;
                if rows == 0 {
                    return Err(short(column));
                }
                left -= rows;
            }
            at = range.end;
        }
        Ok(())
    }
}

fn short(column: usize) -> ParquetError {
    ParquetError::General(format!("column {column} has fewer rows than it should"))
}

struct Fixes {
    latitude: Vec<Option<f64>>,
    longitude: Vec<Option<f64>>,
    valid: Vec<bool>,
    altitude: Vec<Option<f32>>,
    speed: Vec<Option<f32>>,
    course: Vec<Option<f32>>,
}

impl Fixes {
    fn read(rows: &Rows<'_>) -> Result<Self> {
        let fixes = Self {
            latitude: rows.sparse::<DoubleType>(column::LATITUDE)?,
            longitude: rows.sparse::<DoubleType>(column::LONGITUDE)?,
            valid: rows.dense::<BoolType>(column::VALID)?,
            altitude: rows.sparse::<FloatType>(column::ALTITUDE)?,
            speed: rows.sparse::<FloatType>(column::SPEED)?,
            course: rows.sparse::<FloatType>(column::COURSE)?,
        };
        let count = fixes.valid.len();
        let same = fixes.latitude.len() == count && fixes.longitude.len() == count && fixes.altitude.len() == count;
        if same && fixes.speed.len() == count && fixes.course.len() == count { Ok(fixes) } else { Err(short(column::VALID)) }
    }

    fn take(&mut self, row: usize) -> Option<Fix> {
        Some(Fix {
            latitude: Latitude::new(self.latitude[row]?)?,
            longitude: Longitude::new(self.longitude[row]?)?,
            valid: self.valid[row],
            altitude_m: self.altitude[row],
            speed_kmh: self.speed[row],
            course_deg: self.course[row],
        })
    }
}
