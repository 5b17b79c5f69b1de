//! What a command prints: a table for people, tab-separated lines for pipes, CSV and JSON when
//! asked for.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;
use serde_json::{Map, Value};

use crate::failure::Result;

/// How a list is printed.
#[derive(Args, Debug, Clone, Copy, Default)]
pub(crate) struct Format {
    /// Print a JSON array of objects
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print comma-separated values with a header line
    #[arg(long)]
    csv: bool,
}

/// Rows under named columns. JSON takes the names in small letters with `_` for spaces.
#[derive(Debug)]
pub(crate) struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }

    /// Prints it; `empty` goes to standard error instead of a table without rows, so that people
    /// are not left with nothing.
    pub(crate) fn print(&self, format: Format, empty: &str) -> Result {
        let mut out = Stdout;
        if format.json {
            serde_json::to_writer_pretty(&mut out, &self.json()).map_err(io::Error::from)?;
            writeln!(out)?;
        } else if format.csv {
            let mut writer = csv::Writer::from_writer(out);
            writer.write_record(self.columns).map_err(io::Error::from)?;
            for row in &self.rows {
                writer.write_record(row).map_err(io::Error::from)?;
            }
            writer.flush()?;
        } else if !io::stdout().is_terminal() {
            // tabs and line ends of a value would look like cells and rows
            for row in &self.rows {
                let cells: Vec<String> = row.iter().map(|cell| printable(cell)).collect();
                writeln!(out, "{}", cells.join("\t"))?;
            }
        } else if self.rows.is_empty() {
            eprintln!("{empty}");
        } else {
            writeln!(out, "{}", self.drawn())?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let names: Vec<String> =
            self.columns.iter().map(|name| name.to_lowercase().replace(' ', "_")).collect();
        let objects = self.rows.iter().map(|row| {
            let members = names.iter().cloned().zip(row.iter().map(|cell| cell.as_str().into()));
            Value::Object(members.collect::<Map<_, _>>())
        });
        objects.collect()
    }

    fn drawn(&self) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(self.columns.iter().map(|name| name.to_uppercase()));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| printable(cell)));
        }
        table
    }
}

/// A text of the server as one line without control characters: what a name says to a terminal is
/// its name, and nothing else.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Standard output. It notes when nobody reads it any more: errors of writers say that in many ways,
/// and some not at all.
#[derive(Debug)]
pub(crate) struct Stdout;

static UNREAD: AtomicBool = AtomicBool::new(false);

impl Stdout {
    /// Whether a reader has seen enough: `mstr users | head` is no failure.
    pub(crate) fn is_unread() -> bool {
        UNREAD.load(Ordering::Relaxed)
    }

    fn noted<T>(result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                UNREAD.store(true, Ordering::Relaxed);
            }
        })
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::noted(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::noted(io::stdout().flush())
    }
}

/// One line on standard output.
pub(crate) fn print_line(line: &str) -> Result {
    writeln!(Stdout, "{line}")?;
    Ok(())
}

/// A JSON value: indented for people, on one line for pipes.
pub(crate) fn print_json(value: &Value) -> Result {
    let mut out = Stdout;
    if io::stdout().is_terminal() {
        serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    } else {
        serde_json::to_writer(&mut out, value).map_err(io::Error::from)?;
    }
    writeln!(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\tc\nd\u{9b}e"), "a [31mb c d e");
        assert_eq!(printable("Größe 東京"), "Größe 東京");
    }

    #[test]
    fn json_has_members_in_small_letters() {
        let mut table = Table::new(&["Id", "Full name"]);
        table.row(["1".into(), "x\ny".into()]);
        assert_eq!(table.json().to_string(), r#"[{"full_name":"x\ny","id":"1"}]"#);
    }
}
