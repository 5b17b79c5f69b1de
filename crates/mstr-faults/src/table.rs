//! What is expected: `expected.tsv`, written from the documentation of the client.

use crate::faults::Fault;
use crate::operations::Operation;

const TABLE: &str = include_str!("../expected.tsv");

/// What is to come of a cell. `None` is a cell that makes no sense; the table says why.
pub(crate) type Expected = Option<Row>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// `ok` or the kind of the error; of the mix, how many of each.
    pub(crate) outcome: String,
    /// [`Error::attempts`](mstr_rest_core::Error::attempts), where there is one error.
    pub(crate) attempts: Option<u32>,
    /// Requests to the operation's targets that the server saw since the fault acted.
    pub(crate) requests: usize,
    /// Logins that the server saw since then.
    pub(crate) logins: usize,
}

impl Row {
    pub(crate) fn shown(&self) -> String {
        let attempts = self.attempts.map_or_else(|| "-".into(), |number| number.to_string());
        let Self { outcome, requests, logins, .. } = self;
        format!("{outcome}, attempts {attempts}, requests {requests}, logins {logins}")
    }
}

/// One entry for each cell, by faults. Every cell must stand in the table, once.
pub(crate) fn read() -> Result<Vec<(Fault, Operation, Expected)>, String> {
    let mut rows = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        rows.push(parse(line).ok_or_else(|| format!("expected.tsv: not a row: {line}"))?);
    }
    let mut cells = Vec::new();
    for (fault, fault_name) in Fault::ALL {
        for (operation, name) in Operation::ALL {
            let is_it = |row: &(&str, &str, Expected)| row.0 == fault_name && row.1 == name;
            let at = rows.iter().position(is_it);
            let at = at.ok_or_else(|| format!("expected.tsv: no row for {fault_name} {name}"))?;
            cells.push((fault, operation, rows.swap_remove(at).2));
        }
    }
    match rows.first() {
        None => Ok(cells),
        Some((fault, name, _)) => Err(format!("expected.tsv: {fault} {name}: unknown or double")),
    }
}

/// fault, operation, outcome, attempts, requests, logins, note; an outcome of `-` needs a note.
fn parse(line: &'static str) -> Option<(&'static str, &'static str, Expected)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let &[fault, operation, outcome, attempts, requests, logins, note] = fields.as_slice() else {
        return None;
    };
    if outcome == "-" {
        return (!note.is_empty()).then_some((fault, operation, None));
    }
    let attempts = if attempts == "-" { None } else { Some(attempts.parse().ok()?) };
    let (requests, logins) = (requests.parse().ok()?, logins.parse().ok()?);
    let row = Row { outcome: outcome.into(), attempts, requests, logins };
    Some((fault, operation, Some(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_stands_in_the_table() {
        let cells = read().map(|cells| cells.len());
        assert_eq!(cells, Ok(Fault::ALL.len() * Operation::ALL.len()));
    }

    #[test]
    fn a_cell_without_sense_needs_a_reason() {
        assert!(parse("a\tb\t-\t-\t-\t-\twhy").is_some_and(|row| row.2.is_none()));
        assert!(parse("a\tb\t-\t-\t-\t-\t").is_none());
        assert!(parse("a\tb\tok\t-\t1\t0\t").is_some_and(|row| row.2.is_some()));
        assert!(parse("a\tb\tok\t-\tone\t0\t").is_none());
    }
}
