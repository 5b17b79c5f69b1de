//! The changelog: whether it says what a version brings.

/// What the changelog has for a version.
#[derive(Debug, PartialEq)]
pub(crate) enum Section {
    /// `## [1.2.3] - 2026-01-31`, with its text.
    Dated(String),
    /// Nothing yet; but `## [Unreleased]` has text that can become it.
    Unreleased(String),
}

/// Looks for the version's section.
pub(crate) fn section(changelog: &str, version: &str) -> Result<Section, String> {
    for (title, text) in sections(changelog) {
        let Some(rest) = title.strip_prefix(&format!("[{version}]")) else { continue };
        let date = rest.strip_prefix(" - ").unwrap_or_default();
        if !is_date(date) {
            return Err(format!("`## {title}` is not `## [{version}] - YYYY-MM-DD`"));
        }
        if text.is_empty() {
            return Err(format!("the section of {version} is empty"));
        }
        return Ok(Section::Dated(text.into()));
    }
    match sections(changelog).find(|(title, _)| *title == "[Unreleased]") {
        Some((_, text)) if !text.is_empty() => Ok(Section::Unreleased(text.into())),
        _ => Err(format!("no section for {version}, and nothing under `## [Unreleased]`")),
    }
}

/// Titles of the second level, and what stands below each.
fn sections(changelog: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = changelog.split("\n## ").skip(1);
    parts.map(|part| {
        let (title, text) = part.split_once('\n').unwrap_or((part, ""));
        (title.trim(), text.trim())
    })
}

/// `YYYY-MM-DD`
fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let within = |part: &str, last: u8| part.parse::<u8>().is_ok_and(|n| (1..=last).contains(&n));
    matches!(parts[..], [year, month, day]
        if [year.len(), month.len(), day.len()] == [4, 2, 2]
            && parts.iter().all(|part| digits(part))
            && within(month, 12)
            && within(day, 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changelog(title: &str, text: &str) -> String {
        format!("# Changelog\n\nAll.\n\n{title}\n\n{text}\n\n## [0.1.0] - 2026-01-31\n\n- old\n")
    }

    #[test]
    fn finds_the_section_of_a_version() {
        let text = changelog("## [0.2.0] - 2026-11-23", "### Added\n\n- new");
        assert_eq!(section(&text, "0.2.0"), Ok(Section::Dated("### Added\n\n- new".into())));
        assert_eq!(section(&text, "0.1.0"), Ok(Section::Dated("- old".into())));
    }

    #[test]
    fn unreleased_text_can_become_it() {
        let text = changelog("## [Unreleased]", "- new");
        assert_eq!(section(&text, "0.2.0"), Ok(Section::Unreleased("- new".into())));
        assert!(section(&changelog("## [Unreleased]", ""), "0.2.0").is_err());
        assert!(section("# Changelog\n", "0.2.0").is_err());
    }

    #[test]
    fn refuses_sections_without_date_or_text() {
        for title in
            ["## [0.2.0]", "## [0.2.0]2026-11-23", "## [0.2.0] - soon", "## [0.2.0] - 2026-13-01"]
        {
            let text = changelog(title, "- new");
            assert!(section(&text, "0.2.0").is_err(), "{title}");
        }
        let text = changelog("## [0.2.0] - 2026-11-23", "");
        assert!(section(&text, "0.2.0").unwrap_err().contains("empty"));
        // 0.2.0 is not 0.2.0-rc.1, and no prefix of another version
        let text = changelog("## [0.2.0-rc.1] - 2026-11-23", "- new");
        assert!(section(&text, "0.2.0").is_err());
    }
}
