//! Any table, cut into parts of any size, is the same table on the server and read back from it.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod upload_support;

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int8Array, Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, Time32SecondArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    UInt32Array, UInt64Array,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use mstr_rest_api::{CubesExt, DatasetsExt};
use mstr_rest_core::Session;
use mstr_rest_data::{DataExt, GridOptions, UploadExt};
use mstr_sim::{LibraryServer, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use upload_support::{batch, rows_of, server, session, text};

/// A column as plain values, apart from Arrow.
#[derive(Debug, Clone)]
enum Column {
    /// As the kinds of text arrays, and a dictionary.
    Text(u8, Vec<Option<String>>),
    Tiny(Vec<Option<i8>>),
    Int(Vec<Option<i32>>),
    Long(Vec<Option<i64>>),
    Number(Vec<Option<u32>>),
    Huge(Vec<Option<u64>>),
    /// The integers of a dictionary.
    Few(Vec<Option<i64>>),
    Single(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    /// Hundredths.
    Decimal(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
    /// Days since 1970.
    Date(Vec<Option<i32>>),
    /// Seconds of a day.
    Time(Vec<Option<i32>>),
    /// Milliseconds since 1970.
    Stamp(Vec<Option<i64>>),
    /// Microseconds since 1970, with a zone.
    Zoned(Vec<Option<i64>>),
}

/// What the server is to get, and what a cube shows of it.
struct Expected {
    sent: Value,
    shown: Option<String>,
}

fn days(day: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut rest) = (1970, day);
    while rest < 0 {
        year -= 1;
        rest += if leap(year) { 366 } else { 365 };
    }
    while rest >= if leap(year) { 366 } else { 365 } {
        rest -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", rest + 1)
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn stamp(micros: i64) -> String {
    let (second, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (day, of_day) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let fraction = format!("{rest:06}");
    let fraction = fraction.strip_suffix("000").unwrap_or(&fraction);
    format!("{}T{}.{fraction}", days(day), clock(of_day))
}

/// Of an attribute the simulated server shows text, and no text for null.
fn label(sent: Value) -> Expected {
    let shown = match &sent {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    Expected { sent, shown: Some(shown) }
}

fn metric(sent: Value) -> Expected {
    let shown = match &sent {
        Value::Null => None,
        Value::Integer(number) => Some(number.to_string()),
        Value::Double(number) => Some(format!("{number:?}")),
        Value::Text(text) => Some(text.clone()),
        other => panic!("{other:?}"),
    };
    Expected { sent, shown }
}

impl Column {
    fn len(&self) -> usize {
        self.array().len()
    }

    fn array(&self) -> ArrayRef {
        match self {
            Self::Text(0, texts) => Arc::new(StringArray::from(texts.clone())),
            Self::Text(1, texts) => Arc::new(LargeStringArray::from(texts.clone())),
            Self::Text(2, texts) => Arc::new(StringViewArray::from_iter(texts.clone())),
            Self::Text(_, texts) => {
                let mut builder = StringDictionaryBuilder::<Int32Type>::new();
                for text in texts {
                    builder.append_option(text.as_deref());
                }
                Arc::new(builder.finish())
            }
            Self::Tiny(numbers) => Arc::new(Int8Array::from(numbers.clone())),
            Self::Int(numbers) => Arc::new(Int32Array::from(numbers.clone())),
            Self::Long(numbers) => Arc::new(Int64Array::from(numbers.clone())),
            Self::Number(numbers) => Arc::new(UInt32Array::from(numbers.clone())),
            Self::Huge(numbers) => Arc::new(UInt64Array::from(numbers.clone())),
            // null once as a key, and once as a value
            Self::Few(numbers) => {
                let keys = (0_i64..).take(numbers.len()).map(|at| (at != 1).then_some(at));
                let mut values = numbers.clone();
                if let Some(second) = values.get_mut(1) {
                    *second = Some(5);
                }
                let keys = Int64Array::from(keys.collect::<Vec<_>>());
                let values: ArrayRef = Arc::new(Int64Array::from(values));
                Arc::new(DictionaryArray::<Int64Type>::new(keys, values))
            }
            Self::Single(numbers) => Arc::new(Float32Array::from(numbers.clone())),
            Self::Double(numbers) => Arc::new(Float64Array::from(numbers.clone())),
            Self::Decimal(parts) => {
                let parts = parts.iter().map(|part| part.map(i128::from));
                let array = Decimal128Array::from(parts.collect::<Vec<_>>());
                Arc::new(array.with_precision_and_scale(30, 2).unwrap())
            }
            Self::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
            Self::Date(days) => Arc::new(Date32Array::from(days.clone())),
            Self::Time(seconds) => Arc::new(Time32SecondArray::from(seconds.clone())),
            Self::Stamp(millis) => Arc::new(TimestampMillisecondArray::from(millis.clone())),
            Self::Zoned(micros) => {
                let array = TimestampMicrosecondArray::from(micros.clone());
                Arc::new(array.with_timezone("+05:30"))
            }
        }
    }

    fn is_attribute(&self) -> bool {
        matches!(
            self,
            Self::Text(..)
                | Self::Bool(_)
                | Self::Date(_)
                | Self::Time(_)
                | Self::Stamp(_)
                | Self::Zoned(_)
        )
    }

    fn expected(&self) -> Vec<Expected> {
        fn all<T: Clone>(
            values: &[Option<T>],
            seen: fn(Value) -> Expected,
            told: impl Fn(T) -> Value,
        ) -> Vec<Expected> {
            let told = |value: &Option<T>| seen(value.clone().map_or(Value::Null, &told));
            values.iter().map(told).collect()
        }
        let double = |number: f64| Value::Double(number);
        match self {
            Self::Text(_, texts) => all(texts, label, Value::Text),
            Self::Tiny(numbers) => all(numbers, metric, |n| Value::Integer(n.into())),
            Self::Int(numbers) => all(numbers, metric, |n| Value::Integer(n.into())),
            Self::Long(numbers) => all(numbers, metric, Value::Integer),
            Self::Number(numbers) => all(numbers, metric, |n| Value::Integer(n.into())),
            Self::Huge(numbers) => all(numbers, metric, |n| text(&n.to_string())),
            Self::Few(numbers) => {
                let mut numbers = numbers.clone();
                if let Some(second) = numbers.get_mut(1) {
                    *second = None;
                }
                all(&numbers, metric, Value::Integer)
            }
            // what its shortest digits mean; of two numbers that are as near, either may be printed
            Self::Single(numbers) => all(numbers, metric, |n| {
                double(serde_json::to_string(&n).unwrap().parse().unwrap())
            }),
            Self::Double(numbers) => all(numbers, metric, double),
            Self::Decimal(parts) => all(parts, metric, |part| {
                let sign = if part < 0 { "-" } else { "" };
                let part = part.unsigned_abs();
                text(&format!("{sign}{}.{:02}", part / 100, part % 100))
            }),
            Self::Bool(values) => {
                all(values, label, |yes| text(if yes { "true" } else { "false" }))
            }
            Self::Date(dates) => all(dates, label, |day| text(&days(day.into()))),
            Self::Time(seconds) => all(seconds, label, |second| text(&clock(second.into()))),
            Self::Stamp(millis) => all(millis, label, |milli| text(&stamp(milli * 1000))),
            Self::Zoned(micros) => all(micros, label, |micro| text(&stamp(micro))),
        }
    }
}

fn many<S: Strategy>(
    rows: usize,
    values: S,
) -> impl Strategy<Value = Vec<Option<S::Value>>> + use<S>
where
    S::Value: Clone,
{
    prop::collection::vec(prop::option::weighted(0.8, values), rows)
}

fn column(rows: usize) -> impl Strategy<Value = Column> {
    // years 1 to 9999
    let (first, last) = (-719_162_i32, 2_932_896_i32);
    let millis = i64::from(first) * 86_400_000..i64::from(last) * 86_400_000;
    let micros = millis.start * 1000..millis.end * 1000;
    prop_oneof![
        3 => (0..4_u8, many(rows, "(?s).{0,8}")).prop_map(|(kind, texts)| Column::Text(kind, texts)),
        1 => many(rows, any::<i8>()).prop_map(Column::Tiny),
        1 => many(rows, any::<i32>()).prop_map(Column::Int),
        1 => many(rows, any::<i64>()).prop_map(Column::Long),
        1 => many(rows, any::<u32>()).prop_map(Column::Number),
        1 => many(rows, any::<u64>()).prop_map(Column::Huge),
        1 => many(rows, any::<i64>()).prop_map(Column::Few),
        1 => many(rows, any::<f32>().prop_filter("finite", |n| n.is_finite()))
            .prop_map(Column::Single),
        2 => many(rows, any::<f64>().prop_filter("finite", |n| n.is_finite()))
            .prop_map(Column::Double),
        1 => many(rows, any::<i64>()).prop_map(Column::Decimal),
        1 => many(rows, any::<bool>()).prop_map(Column::Bool),
        1 => many(rows, first..last).prop_map(Column::Date),
        1 => many(rows, 0..86_400).prop_map(Column::Time),
        1 => many(rows, millis).prop_map(Column::Stamp),
        1 => many(rows, micros).prop_map(Column::Zoned),
    ]
}

#[derive(Debug, Clone)]
struct Case {
    columns: Vec<Column>,
    /// Where batches are cut.
    batch: usize,
    chunk: usize,
    as_text: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let columns = (0..40_usize).prop_flat_map(|rows| {
        // what tells rows apart: a cube has one row for each combination of elements
        let numbers = (0..rows).map(|row| Some(format!("row {row}"))).collect();
        prop::collection::vec(column(rows), 0..6).prop_map(move |mut columns| {
            columns.insert(columns.len() / 2, Column::Text(0, Vec::clone(&numbers)));
            columns
        })
    });
    let sizes = (1..50_usize, prop_oneof![0..60_usize, 60..5_000_usize], any::<bool>());
    (columns, sizes).prop_map(|(columns, (batch, chunk, as_text))| Case {
        columns,
        batch,
        chunk,
        as_text,
    })
}

fn told(batches: &[RecordBatch]) -> Vec<Vec<Option<String>>> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let printers = batch.columns().iter().map(|column| {
            let printer = ArrayFormatter::try_new(column, &options).unwrap();
            // numbers as Rust prints them
            let doubles = column.as_primitive_opt::<Float64Type>();
            move |row: usize| {
                let told = || match doubles {
                    Some(doubles) => format!("{:?}", doubles.value(row)),
                    None => printer.value(row).to_string(),
                };
                column.is_valid(row).then(told)
            }
        });
        let printers: Vec<_> = printers.collect();
        rows.extend((0..batch.num_rows()).map(|row| printers.iter().map(|p| p(row)).collect()));
    }
    rows
}

fn transposed<T>(columns: Vec<Vec<T>>, rows: usize) -> Vec<Vec<T>> {
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    (0..rows).map(|_| columns.iter_mut().map(|c| c.next().unwrap()).collect()).collect()
}

async fn check(servers: &[(LibraryServer, Session)], case: &Case) {
    let (server, session) = &servers[usize::from(case.as_text)];
    let names: Vec<_> = (0..case.columns.len()).map(|at| format!("c{at} \u{fc}'{{}}")).collect();
    let columns = names.iter().map(String::as_str).zip(case.columns.iter().map(Column::array));
    let whole = batch(columns);
    let rows = case.columns[0].len();
    let starts = (0..rows.max(1)).step_by(case.batch);
    let batches: Vec<_> = starts.map(|at| whole.slice(at, case.batch.min(rows - at))).collect();

    let upload = session.datasets().create("Any").chunk_bytes(case.chunk as u64);
    let made = upload.send_batches(batches).await.unwrap();
    assert_eq!(made.rows, rows as u64);
    assert_eq!(server.open_uploads(), 0);

    let (attributes, metrics): (Vec<_>, Vec<_>) =
        case.columns.iter().zip(&names).partition(|(column, _)| column.is_attribute());
    let split = |expected: Vec<Expected>| -> (Vec<_>, Vec<_>) {
        expected.into_iter().map(|one| (one.sent, one.shown)).unzip()
    };
    let sent = case.columns.iter().map(|column| split(column.expected()).0).collect();
    assert_eq!(rows_of(server, &made.dataset_id), transposed(sent, rows));

    // as the server sends them
    let texts = GridOptions::default().attribute_types(false);
    let data = session.cubes().data(&made.dataset_id).options(texts);
    let table = data.clone().open().await.unwrap();
    let shown: Vec<_> = table.schema().fields().iter().map(|f| f.name().clone()).collect();
    let ordered: Vec<_> = attributes.iter().chain(&metrics).collect();
    assert_eq!(shown, ordered.iter().map(|(_, name)| (*name).clone()).collect::<Vec<_>>());
    let shown = ordered.iter().map(|(column, _)| split(column.expected()).1).collect();
    let read = data.page_size(case.batch as u64).collect().await.unwrap();
    assert_eq!(told(&read), transposed(shown, rows));
}

#[test]
fn any_table_is_the_same_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let servers = runtime.block_on(async {
        let mut servers = Vec::new();
        for as_text in [false, true] {
            let server = server().publish_status_as_text(as_text).start().await.unwrap();
            let session = session(&server).await;
            servers.push((server, session));
        }
        servers
    });
    let mut runner = TestRunner::new(Config::with_cases(100));
    runner
        .run(&case(), |case| {
            runtime.block_on(check(&servers, &case));
            Ok(())
        })
        .unwrap();
}
