//! Durations of the command line: `90`, `90s`, `10m`, `2h`.

use std::time::Duration;

/// Seconds, or a number with `s`, `m` or `h` behind it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write 90s, 10m or 2h");
    let (number, unit) = match text.trim().char_indices().last() {
        Some((at, 's')) => (&text.trim()[..at], 1),
        Some((at, 'm')) => (&text.trim()[..at], 60),
        Some((at, 'h')) => (&text.trim()[..at], 3600),
        _ => (text.trim(), 1),
    };
    let number: u64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_are_durations() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), (" 2 h ", 7200)] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        for text in ["", "s", "0", "-1", "1.5h", "1d", "h2"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
