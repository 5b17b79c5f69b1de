//! As much Markdown as checks need: fences, headings, links, tables.

/// A line of a document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Line<'a> {
    Text(&'a str),
    /// The text after the opening fence, such as `rust,no_run`.
    FenceOpens(&'a str),
    Code(&'a str),
    FenceCloses,
}

/// The lines, numbered from 1.
pub(crate) fn lines(text: &str) -> Vec<(usize, Line<'_>)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let marks = ['`', '~'].into_iter().find_map(|mark| {
            let rest = trimmed.trim_start_matches(mark);
            let marks = &trimmed[..trimmed.len() - rest.len()];
            (marks.len() >= 3).then_some((marks, rest.trim()))
        });
        let kind = match (fence, marks) {
            (None, Some((marks, info))) if !info.contains('`') => {
                fence = Some(marks);
                Line::FenceOpens(info)
            }
            (None, _) => Line::Text(line),
            (Some(open), Some((marks, ""))) if marks.starts_with(open) => {
                fence = None;
                Line::FenceCloses
            }
            (Some(_), _) => Line::Code(line),
        };
        lines.push((at + 1, kind));
    }
    lines
}

/// The anchors that headings give, as GitHub makes them.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in lines(text) {
        let Line::Text(line) = line else { continue };
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let slug: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let same = anchors.iter().filter(|anchor| **anchor == slug).count();
        anchors.push(if same == 0 { slug } else { format!("{slug}-{same}") });
    }
    anchors
}

/// Targets of inline links, images and link definitions, with their line.
pub(crate) fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (at, line) in lines(text) {
        let Line::Text(line) = line else { continue };
        // every second part is inline code
        for part in line.split('`').step_by(2) {
            links.extend(part.split("](").skip(1).filter_map(|rest| {
                let target = rest.split(')').next()?;
                Some((at, target.split_whitespace().next().unwrap_or_default()))
            }));
        }
        if line.trim_start().starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            links.push((at, target.split_whitespace().next().unwrap_or_default()));
        }
    }
    links
}

/// First cells of the rows of tables that hold one piece of code, without its backticks.
pub(crate) fn table_keys(text: &str) -> Vec<&str> {
    lines(text)
        .into_iter()
        .filter_map(|(_, line)| match line {
            Line::Text(line) => line.trim().strip_prefix('|')?.split('|').next(),
            _ => None,
        })
        .filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences() {
        let text = "a\n```rust,no_run\n~~~\n# b\n```\n````\n```\n````\nc";
        let kinds: Vec<_> = lines(text).into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            kinds,
            [
                Line::Text("a"),
                Line::FenceOpens("rust,no_run"),
                Line::Code("~~~"),
                Line::Code("# b"),
                Line::FenceCloses,
                Line::FenceOpens(""),
                Line::Code("```"),
                Line::FenceCloses,
                Line::Text("c"),
            ]
        );
    }

    #[test]
    fn anchors_of_headings() {
        let text = "# What it is\n## `Call<T>`, again!\n#no\n```\n# code\n```\n## What it is";
        assert_eq!(anchors(text), ["what-it-is", "callt-again", "what-it-is-1"]);
    }

    #[test]
    fn links_outside_code() {
        let text = "[a](b.md#c) ![i](d.png \"t\") `[x](y)` [`z`](w)\n[r]: e.md\n```\n[f](g)\n```";
        assert_eq!(links(text), [(1, "b.md#c"), (1, "d.png"), (1, "w"), (2, "e.md")]);
    }

    #[test]
    fn keys_of_tables() {
        let text = "| feature | brings |\n| --- | --- |\n| `api` | x |\n| `a` or b | y |\n";
        assert_eq!(table_keys(text), ["api"]);
    }
}
