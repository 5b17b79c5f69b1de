//! Rows on their way to the server: a part, cut by bytes.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use mstr_rest_core::{Error, ErrorKind, Result};

use super::cells::{Cells, Column};

/// A batch that is being cut into parts.
#[derive(Debug)]
pub(super) struct Rows {
    names: Vec<String>,
    columns: Vec<Column>,
    len: usize,
    at: usize,
}

impl Rows {
    pub(super) fn new(batch: &RecordBatch) -> Self {
        let schema = batch.schema();
        Self {
            names: schema.fields().iter().map(|field| field.name().clone()).collect(),
            columns: batch.columns().iter().map(Column::new).collect(),
            len: batch.num_rows(),
            at: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == self.len
    }
}

/// A part: rows as a JSON list of lists, no longer than a limit unless it is one row.
#[derive(Debug)]
pub(super) struct Chunk {
    limit: usize,
    non_finite_as_null: bool,
    json: Vec<u8>,
    rows: u64,
    /// Rows of earlier parts.
    before: u64,
    full: bool,
}

impl Chunk {
    pub(super) fn new(limit: usize, non_finite_as_null: bool) -> Self {
        Self { limit, non_finite_as_null, json: Vec::new(), rows: 0, before: 0, full: false }
    }

    /// Takes rows until there are no more, or no more fit.
    pub(super) fn fill(&mut self, rows: &mut Rows) -> Result<()> {
        let cells: Result<Vec<Cells<'_>>, ArrowError> =
            rows.columns.iter().map(Column::cells).collect();
        let cells = cells.map_err(|error| {
            Error::with_source(ErrorKind::InvalidRequest, "a column cannot be read", error)
        })?;
        while rows.at < rows.len {
            let before = self.json.len();
            self.json.push(if self.rows == 0 { b'[' } else { b',' });
            for (at, cells) in cells.iter().enumerate() {
                self.json.push(if at == 0 { b'[' } else { b',' });
                cells.write(rows.at, self.non_finite_as_null, &mut self.json).map_err(|why| {
                    let column = rows.names.get(at).map_or("", String::as_str);
                    let row = self.before + self.rows + 1;
                    let message = format!("the value of `{column}` in row {row} {why}");
                    Error::new(ErrorKind::InvalidRequest, message)
                })?;
            }
            self.json.push(b']');
            // the bracket that closes the list is still to come
            if self.json.len() >= self.limit && self.rows > 0 {
                self.json.truncate(before);
                self.full = true;
                return Ok(());
            }
            rows.at += 1;
            self.rows += 1;
        }
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The JSON of the part.
    pub(super) fn close(&mut self) -> &[u8] {
        self.json.push(b']');
        &self.json
    }

    /// Begins the next part.
    pub(super) fn clear(&mut self) {
        self.json.clear();
        self.before += self.rows;
        self.rows = 0;
        self.full = false;
    }
}
