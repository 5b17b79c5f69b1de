//! What comes out: `summary.json` with every sample, `summary.md` with tables.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    machine,
    stats::{Samples, number},
};
use crate::sh::Result;

/// The whole run.
pub(super) struct Report {
    machine: Value,
    quick: bool,
    prepared: Duration,
    parts: Vec<Part>,
}

impl Report {
    pub(super) fn new(machine: Value, quick: bool) -> Self {
        Self { machine, quick, prepared: Duration::ZERO, parts: Vec::new() }
    }

    /// How long it took to build and install everything.
    pub(super) fn prepared(&mut self, time: Duration) {
        self.prepared = time;
    }

    pub(super) fn add(&mut self, part: Part) {
        self.parts.push(part);
    }

    pub(super) fn write(&self, folder: &Path) -> Result {
        let parts: Map<_, _> =
            self.parts.iter().map(|part| (part.name.to_owned(), part.json())).collect();
        let summary = json!({
            "machine": self.machine,
            "quick": self.quick,
            "prepared_seconds": self.prepared.as_secs_f64(),
            "load_after": machine::load(),
            "parts": parts,
        });
        fs::write(folder.join("summary.json"), serde_json::to_string_pretty(&summary)? + "\n")?;
        fs::write(folder.join("summary.md"), self.markdown())?;
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = String::from("# Measurements\n\n");
        for (name, value) in self.machine.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(text, "* {}: {value}", name.replace('_', " "));
        }
        let _ = writeln!(text, "* mode: {}", if self.quick { "quick" } else { "full" });
        for part in &self.parts {
            text += &part.markdown();
        }
        text
    }

    /// One line per aim.
    pub(super) fn conclusion(&self, time: Duration) -> String {
        let aims = self.parts.iter().flat_map(|part| &part.aims);
        let lines = aims.map(|aim| format!("{}\n", aim.line()));
        let skipped = self.parts.iter().flat_map(|part| &part.notes);
        let skipped = skipped.map(|note| format!("note: {note}\n"));
        let parts = self.parts.iter();
        let parts = parts.map(|part| format!(", {} {:.0}", part.name, part.took.as_secs_f64()));
        format!(
            "{}{}{:.0} s in all: to build and install {:.0}{}",
            lines.collect::<String>(),
            skipped.collect::<String>(),
            time.as_secs_f64(),
            self.prepared.as_secs_f64(),
            parts.collect::<String>()
        )
    }
}

/// What is wanted, and whether it is so.
struct Aim {
    what: String,
    got: f64,
    limit: f64,
    at_least: bool,
}

impl Aim {
    fn is_met(&self) -> bool {
        if self.at_least { self.got >= self.limit } else { self.got <= self.limit }
    }

    fn line(&self) -> String {
        let verdict = if self.is_met() { "met    " } else { "NOT MET" };
        let words = if self.at_least { "at least" } else { "at most" };
        let (got, limit) = (number(self.got), number(self.limit));
        format!("{verdict} {}: {got} ({words} {limit})", self.what)
    }
}

struct Table {
    title: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A part of the run.
pub(super) struct Part {
    name: &'static str,
    about: &'static str,
    took: Duration,
    tables: Vec<Table>,
    notes: Vec<String>,
    aims: Vec<Aim>,
    samples: Map<String, Value>,
}

impl Part {
    pub(super) fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            took: Duration::ZERO,
            tables: Vec::new(),
            notes: Vec::new(),
            aims: Vec::new(),
            samples: Map::new(),
        }
    }

    pub(super) fn took(&mut self, time: Duration) {
        self.took = time;
    }

    pub(super) fn table(
        &mut self,
        title: impl Into<String>,
        head: &[&str],
        rows: Vec<Vec<String>>,
    ) {
        let head = head.iter().map(|&text| text.to_owned()).collect();
        self.tables.push(Table { title: title.into(), head, rows });
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    pub(super) fn at_least(&mut self, what: impl Into<String>, got: f64, limit: f64) {
        self.aims.push(Aim { what: what.into(), got, limit, at_least: true });
    }

    pub(super) fn at_most(&mut self, what: impl Into<String>, got: f64, limit: f64) {
        self.aims.push(Aim { what: what.into(), got, limit, at_least: false });
    }

    /// Keeps the samples behind a number.
    pub(super) fn keep(&mut self, name: impl Into<String>, samples: &Samples) {
        self.samples.insert(name.into(), json!(samples.0));
    }

    fn json(&self) -> Value {
        let tables = self
            .tables
            .iter()
            .map(|t| json!({ "title": t.title, "columns": t.head, "rows": t.rows }));
        let aims = self.aims.iter().map(|aim| {
            json!({ "what": aim.what, "got": aim.got, "limit": aim.limit,
                    "at_least": aim.at_least, "met": aim.is_met() })
        });
        json!({
            "about": self.about,
            "seconds": self.took.as_secs_f64(),
            "tables": tables.collect::<Vec<_>>(),
            "aims": aims.collect::<Vec<_>>(),
            "notes": self.notes,
            "samples": self.samples,
        })
    }

    pub(super) fn markdown(&self) -> String {
        let mut text = format!("\n## {}: {}\n", self.name, self.about);
        for table in &self.tables {
            let _ = writeln!(text, "\n{}\n\n| {} |", table.title, table.head.join(" | "));
            let _ = writeln!(text, "|{}", " --- |".repeat(table.head.len()));
            for row in &table.rows {
                let _ = writeln!(text, "| {} |", row.join(" | "));
            }
        }
        if !self.notes.is_empty() || !self.aims.is_empty() {
            text.push('\n');
        }
        for aim in &self.aims {
            let _ = writeln!(text, "* {}", aim.line());
        }
        for note in &self.notes {
            let _ = writeln!(text, "* {note}");
        }
        text
    }
}
