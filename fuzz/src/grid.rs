//! Pages of a grid: an error or batches of one schema, and never more rows than the pages can hold.

use mstr_rest_core::ErrorKind;
use mstr_rest_data::{GridOptions, GridReader, ValueType};

/// The first byte chooses the options; pages are cut at form feeds.
pub fn check(data: &[u8]) {
    let Some((choice, pages)) = data.split_first() else { return };
    let mut options = GridOptions::default();
    if choice & 1 == 1 {
        options = options.subtotal_flag("Subtotal");
    }
    if choice & 2 == 2 {
        options = options.big_decimal(ValueType::Decimal { precision: 18, scale: 4 });
    }
    let mut reader = GridReader::new(options);
    let mut rows = 0;
    for page in pages.split(|byte| *byte == 0x0c) {
        match reader.read(page) {
            Ok(page) => {
                assert_eq!(Some(page.batch.schema()), reader.schema());
                rows += page.batch.num_rows();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Decode);
                return;
            }
        }
    }
    if let Some(last) = reader.finish().expect("what was read can be given") {
        assert_eq!(Some(last.schema()), reader.schema());
        rows += last.num_rows();
    }
    // a row takes a header of two bytes at least, a column as well
    assert!(rows <= pages.len() * pages.len(), "{rows} rows of {} bytes", pages.len());
}
