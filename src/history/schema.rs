//! The columns of a sealed file, and how each is written.

use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};
use std::sync::Arc;

/// `time` is the fix time, or, where the record has none (`time_flag` 1), when it was recorded.
/// `time_flag`: 0 sound, 1 missing, 2 ancient, 3 future. `attributes`: a JSON object.
const MESSAGE: &str = "message position {
    REQUIRED INT32 device_id (INTEGER(32,false));
    REQUIRED INT64 time (TIMESTAMP(MICROS,true));
    REQUIRED INT64 seq (INTEGER(64,false));
    REQUIRED INT32 account_id (INTEGER(32,false));
    REQUIRED INT64 recorded_at (TIMESTAMP(MICROS,true));
    REQUIRED INT64 received_at (TIMESTAMP(MICROS,true));
    OPTIONAL DOUBLE latitude;
    OPTIONAL DOUBLE longitude;
    REQUIRED BOOLEAN valid;
    OPTIONAL FLOAT altitude_m;
    OPTIONAL FLOAT speed_kmh;
    OPTIONAL FLOAT course_deg;
    REQUIRED BOOLEAN late;
    REQUIRED INT32 time_flag (INTEGER(8,false));
    REQUIRED BYTE_ARRAY attributes (STRING);
}";

/// Columns in the order of the message.
pub(super) mod column {
    pub const DEVICE: usize = 0;
    pub const TIME: usize = 1;
    pub const SEQ: usize = 2;
    pub const ACCOUNT: usize = 3;
    pub const RECORDED_AT: usize = 4;
    pub const RECEIVED_AT: usize = 5;
    pub const LATITUDE: usize = 6;
    pub const LONGITUDE: usize = 7;
    pub const VALID: usize = 8;
    pub const ALTITUDE: usize = 9;
    pub const SPEED: usize = 10;
    pub const COURSE: usize = 11;
    pub const LATE: usize = 12;
    pub const TIME_FLAG: usize = 13;
    pub const ATTRIBUTES: usize = 14;
}

pub(super) const PAGE_ROWS: usize = 4_096;
/// The writer does not hold to a limit by itself: `seal.rs` does.
pub(super) const ROW_GROUP_ROWS: usize = 64 * PAGE_ROWS;

pub(super) fn schema() -> parquet::errors::Result<TypePtr> {
    parse_message_type(MESSAGE).map(Arc::new)
}

pub(super) fn properties() -> WriterPropertiesPtr {
    let mut builder = WriterProperties::builder()
        .set_created_by("purview".to_owned())
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::LZ4_RAW)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        // Pages are cut by rows alone, so that those of all columns begin at the same rows.
        .set_data_page_size_limit(1 << 30)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    for name in ["device_id", "time"] {
        builder = builder.set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::Page);
    }
    for name in ["device_id", "time", "seq", "account_id", "recorded_at", "received_at", "time_flag"] {
        builder = builder.set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in ["latitude", "longitude", "altitude_m", "speed_kmh", "course_deg"] {
        builder = builder.set_column_encoding(ColumnPath::from(name), Encoding::BYTE_STREAM_SPLIT);
    }
    builder = builder.set_column_encoding(ColumnPath::from("attributes"), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    for name in ["valid", "late"] {
        builder = builder.set_column_encoding(ColumnPath::from(name), Encoding::RLE);
    }
    Arc::new(builder.build())
}
