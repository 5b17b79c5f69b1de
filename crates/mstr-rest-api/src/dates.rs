//! Dates in both of the server's spellings.

use std::time::SystemTime;

use serde::{Deserialize as _, Deserializer};

/// `2015-06-30T21:55:35.000+0000` (most endpoints) and `2015-06-30T21:55:35Z` (the modeling
/// service); what is neither is no date.
pub(crate) fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
    let text = serde_json::Value::deserialize(from)?;
    Ok(text.as_str().and_then(parse))
}

pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    text.trim().parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

/// As requests have it: `2021-04-04T06:33:32Z`. `None` for what no calendar has.
pub(crate) fn print(date: SystemTime) -> Option<String> {
    let date = jiff::Timestamp::try_from(date).ok()?;
    Some(date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64, millis: u64) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis))
    }

    #[test]
    fn both_spellings_are_the_same_moment() {
        for text in [
            "2015-06-30T21:55:35.000+0000",
            "2015-06-30T21:55:35.000Z",
            "2015-06-30T21:55:35Z",
            "2015-06-30T21:55:35+00:00",
            "2015-06-30T23:55:35.000+0200",
            " 2015-06-30T21:55:35Z ",
        ] {
            assert_eq!(parse(text), at(1_435_701_335, 0), "{text}");
        }
        assert_eq!(parse("1970-01-01T00:00:00.250+0000"), at(0, 250));
        assert_eq!(print(SystemTime::UNIX_EPOCH).as_deref(), Some("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "yesterday", "2015-06-30", "2015-13-01T00:00:00Z", "2015-06-30T21:55:35"] {
            assert_eq!(parse(text), None, "{text}");
        }
        #[derive(serde::Deserialize)]
        struct Dated(#[serde(deserialize_with = "date")] Option<SystemTime>);
        let decode = |json: &str| serde_json::from_str::<Dated>(json).unwrap().0;
        assert_eq!(decode("null"), None);
        assert_eq!(decode("{\"a\":[1]}"), None);
        assert_eq!(decode("\"1970-01-01T00:00:07Z\""), at(7, 0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(seconds in 0u64..4_000_000_000, millis in 0u64..1000) {
            let date = at(seconds, 0).unwrap();
            let text = print(date).unwrap();
            prop_assert_eq!(parse(&text), Some(date));
            let other = text.replace('Z', &format!(".{millis:03}+0000"));
            prop_assert_eq!(parse(&other), at(seconds, millis));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
