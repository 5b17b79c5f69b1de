//! Names in quotes, for those with commas, signs or spaces around them: `'Cost, net'`,
//! `"Cost, net"`, `[Cost, net]`.

/// What is between the quotes at the beginning of a text, and the rest behind them. `None` without
/// quotes, or where they do not end.
pub(super) fn first(text: &str) -> Option<(&str, &str)> {
    let open = text.chars().next()?;
    let close = match open {
        '"' | '\'' => open,
        '[' => ']',
        _ => return None,
    };
    text[1..].split_once(close)
}

/// A text without the quotes around all of it.
pub(super) fn without(text: &str) -> &str {
    match first(text) {
        Some((inner, "")) if !text.starts_with('[') => inner,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_where_they_end() {
        assert_eq!(first("'Cost, net' > 5"), Some(("Cost, net", " > 5")));
        assert_eq!(first("[Revenue ($)]"), Some(("Revenue ($)", "")));
        assert_eq!(first("\"a'b\"@ID"), Some(("a'b", "@ID")));
        for text in ["", "a", "'open", "[open", "a'b'"] {
            assert_eq!(first(text), None, "{text}");
        }
        assert_eq!((without("'a'"), without("\"\""), without("[a]")), ("a", "", "[a]"));
        assert_eq!((without("'a' b"), without("'")), ("'a' b", "'"));
    }
}
