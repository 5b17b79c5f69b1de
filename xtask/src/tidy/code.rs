//! Rust source without what is not code.

/// The text with comments and the insides of literals blanked; every line keeps its place.
pub(super) fn only(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let after_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let (keep, length) = match first {
            '/' if rest.starts_with("//") => (0, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (0, block_comment(rest)),
            '"' => (0, string(rest)),
            'r' | 'b' | 'c' if !after_word => match raw_string(rest) {
                Some(length) => (0, length),
                None => (1, 1),
            },
            '\'' => match char_literal(rest) {
                Some(length) => (0, length),
                None => (1, 1), // a lifetime
            },
            c => (c.len_utf8(), c.len_utf8()),
        };
        code.push_str(&rest[..keep]);
        // a blank keeps words apart, and line breaks keep their number
        let blanked = &rest[keep..length];
        if !blanked.is_empty() {
            code.push(' ');
            code.extend(blanked.chars().filter(|c| *c == '\n'));
        }
        rest = &rest[length..];
    }
    code
}

/// Numbers of the lines in which `word` stands, not as part of a longer word.
pub(super) fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let open = !word.starts_with(is_word) || !line[..at].ends_with(is_word);
            let close = !word.ends_with(is_word) || !line[at + word.len()..].starts_with(is_word);
            open && close
        })
    };
    code.lines().enumerate().filter(|(_, line)| stands(line)).map(|(at, _)| at + 1).collect()
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// `r".."`, `r#".."#`, `br".."`, `cr".."`
fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix(['b', 'c']).unwrap_or(text).strip_prefix('r')?;
    let quote = body.find('"')?;
    if !body[..quote].bytes().all(|b| b == b'#') {
        return None;
    }
    let end = format!("\"{}", &body[..quote]);
    let start = text.len() - body.len() + quote + 1;
    Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()))
}

fn char_literal(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first != '\\' {
        let (at, quote) = chars.next()?;
        return (quote == '\'').then_some(at + 1);
    }
    chars.next()?; // what is escaped, perhaps a quote
    chars.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn has(source: &str, word: &str, lines: &[usize]) {
        let code = only(source);
        assert_eq!(code.lines().count(), source.lines().count(), "{code:?}");
        assert_eq!(lines_with(&code, word), lines, "{code:?}");
    }

    #[test]
    fn finds_code() {
        has("use x::y;\nx!();", "x", &[1, 2]);
        has("let a = 'x'; x()", "x", &[1]);
        has("fn f<'x>(a: &'x str) {}", "x", &[1]);
        has("\"http://a\"; x // x", "x", &[1]);
        has("'\\''; x; '\"'; x", "x", &[1]);
        has("br; r#x; x", "x", &[1]);
        has("/* a /* b */ c */ x", "x", &[1]);
        has("\"a\nb\"; x", "x", &[2]);
        has("for\"x\" ü x", "x", &[1]);
    }

    #[test]
    fn finds_no_comments_literals_or_longer_words() {
        has("// x\n/// x\n/* x\n/* x */ x */\n//! x", "x", &[]);
        has("\"x\"; \"\\\"x\"; \"\\\\\"; r\"x\\\"; b'x'; '\\u{78}'", "x", &[]);
        has("r#\"x \" x\"#; br##\"x\"# x\"##; c\"x\"; cr\"x\"", "x", &[]);
        has("x_y; yx; x1", "x", &[]);
        has("unfinished(\"x", "x", &[]);
    }
}
