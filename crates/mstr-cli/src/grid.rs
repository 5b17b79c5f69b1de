//! A table on a terminal: it fits the width, and ids stay whole, in the last column.

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, Width, presets};

use crate::failure::printable;

/// No column becomes narrower than this.
const LEAST: usize = 6;
/// A column other than the names may become as narrow as this before those are cut.
const SHORT: usize = 12;
/// A date without its time of day.
const DATE: usize = "2015-06-30".len();

/// The width of the terminal on standard output.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}

/// The table as text. Where it is wider than `width`, times lose their time of day first, then the
/// widest columns are shortened; ids and the headers are not.
pub(crate) fn drawn(columns: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let order = order(columns);
    let mut cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            order.iter().map(|at| printable(row.get(*at).map_or("", String::as_str))).collect()
        })
        .collect();
    let headers: Vec<String> = order.iter().map(|at| columns[*at].to_uppercase()).collect();
    let mut table = table(&headers, &cells);
    // the space at the ends of each cell
    let room = width.saturating_sub(2 * headers.len());
    let total = |table: &Table| {
        table.column_max_content_widths().iter().map(|it| usize::from(*it)).sum::<usize>()
    };
    if total(&table) > room {
        for cell in cells.iter_mut().flatten().filter(|cell| is_time(cell)) {
            cell.truncate(DATE);
        }
        table = self::table(&headers, &cells);
    }
    if total(&table) > room {
        let widths: Vec<usize> =
            table.column_max_content_widths().iter().map(|it| usize::from(*it)).collect();
        let names: Vec<&str> = order.iter().map(|at| columns[*at]).collect();
        let widths = shortened(widths, &names, room);
        // so that a text is cut where its room ends, and not before its last word
        for cell in cells.iter_mut().flatten() {
            *cell = cell.replace(' ', "\u{a0}");
        }
        table = self::table(&headers, &cells);
        for (column, width) in table.column_iter_mut().zip(widths) {
            let width = u16::try_from(width + 2).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
        }
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.replace('\u{a0}', " ").trim_end());
        text.push('\n');
    }
    text
}

/// The columns, with the id at the end.
fn order(columns: &[&str]) -> Vec<usize> {
    let (ids, others): (Vec<usize>, Vec<usize>) =
        (0..columns.len()).partition(|at| columns[*at] == "Id");
    others.into_iter().chain(ids).collect()
}

fn table(headers: &[String], rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_truncation_indicator("...");
    table.set_header(headers);
    for row in rows {
        let mut row = Row::from(row);
        row.max_height(1);
        table.add_row(row);
    }
    table
}

fn is_time(text: &str) -> bool {
    text.len() == "2015-06-30T21:55:35Z".len()
        && text.ends_with('Z')
        && text.is_char_boundary(DATE)
        && text.as_bytes()[DATE] == b'T'
}

/// Takes from the widest column until the sum fits; from names only when the others are short.
fn shortened(mut widths: Vec<usize>, names: &[&str], room: usize) -> Vec<usize> {
    while widths.iter().sum::<usize>() > room {
        let widest = |least: usize, names_too: bool| {
            (0..widths.len())
                .filter(|at| names[*at] != "Id" && (names_too || names[*at] != "Name"))
                .filter(|at| widths[*at] > least)
                .max_by_key(|at| widths[*at])
        };
        let Some(widest) = widest(SHORT, false).or_else(|| widest(LEAST, true)) else { break };
        widths[widest] -= 1;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_and_its_ids_are_whole() {
        let id = "0123456789ABCDEF0123456789ABCDEF";
        let row = |name: &str| {
            [id, "report", name, "2015-06-30T21:55:35Z", "Administrator"].map(String::from).to_vec()
        };
        let columns = ["Id", "Type", "Name", "Modified", "Owner"];
        let text =
            drawn(&columns, &[row(&"long ".repeat(20)), row("東京東京東京東京東京東京東京")], 80);
        assert_eq!(text.lines().count(), 3, "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert_eq!(text.matches(id).count(), 2, "{text}");
        assert!(text.contains("2015-06-30 "), "{text}");
        let wide = drawn(&columns, &[row("short")], 120);
        assert!(wide.contains("2015-06-30T21:55:35Z"), "{wide}");
    }
}
