//! The bytes behind `{"data":"<base64>"}`, decoded as the JSON comes: exports are sent so, and may
//! be larger than memory.

use std::mem;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use mstr_rest_core::{Error, ErrorKind, Result};

/// The member that holds the bytes.
const MEMBER: &str = "data";

/// Names of members that are longer are some other's.
const LONGEST_NAME: usize = 64;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where in the JSON the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    /// Before the name of a member. The first one may be missing.
    Name {
        first: bool,
    },
    InName,
    Colon,
    Value,
    /// In the text that is looked for.
    Data,
    /// In the value of another member: so many lists and objects deep.
    Other {
        depth: u32,
    },
    /// The same, in a text.
    OtherText {
        depth: u32,
        escaped: bool,
    },
    /// Behind a value.
    Next,
    End,
}

/// A backslash and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    /// So many hexadecimal digits of a `\u`, and their value.
    Unicode(u8, u32),
}

/// Decodes a body that comes in pieces. It holds no more than a piece.
#[derive(Debug)]
pub(crate) struct Base64Member {
    at: At,
    escape: Escape,
    name: String,
    /// Digits that are not decoded yet: the last four may be the padded ones.
    digits: Vec<u8>,
    found: bool,
}

impl Base64Member {
    pub(crate) fn new() -> Self {
        Self {
            at: At::Start,
            escape: Escape::None,
            name: String::new(),
            digits: Vec::new(),
            found: false,
        }
    }

    /// The bytes that another piece of the body gives.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(piece.len() / 4 * 3 + 3);
        let mut rest = piece;
        while let Some((byte, behind)) = rest.split_first() {
            let run = self.run(rest);
            if run > 0 {
                self.digits.extend_from_slice(&rest[..run]);
                rest = &rest[run..];
            } else {
                self.step(*byte, &mut out)?;
                rest = behind;
            }
        }
        // the last four digits may be padded, and only the end of the text says so
        let whole = self.digits.len().saturating_sub(4) / 4 * 4;
        if self.at == At::Data && whole > 0 {
            let rest = self.digits.split_off(whole);
            let digits = mem::replace(&mut self.digits, rest);
            if digits.contains(&b'=') {
                return Err(broken("there is something behind the end of the base64 text"));
            }
            decode(&digits, &mut out)?;
        }
        Ok(out)
    }

    /// Whether the whole body was there.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.at {
            At::End if self.found => Ok(()),
            At::End => Err(broken("it has no member `data`")),
            _ => Err(broken("it breaks off")),
        }
    }

    /// How many of these bytes are plain ones of the text that is looked for: nearly all are.
    fn run(&self, bytes: &[u8]) -> usize {
        if self.at != At::Data || self.escape != Escape::None {
            return 0;
        }
        let is_plain = |byte: &u8| !matches!(*byte, b'"' | b'\\' | 0..=0x1f);
        bytes.iter().position(|byte| !is_plain(byte)).unwrap_or(bytes.len())
    }

    fn step(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<()> {
        let blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.at = match self.at {
            At::InName | At::Data => return self.text(byte, out),
            At::OtherText { depth, escaped } => match byte {
                _ if escaped => At::OtherText { depth, escaped: false },
                b'\\' => At::OtherText { depth, escaped: true },
                b'"' if depth == 0 => At::Next,
                b'"' => At::Other { depth },
                _ => At::OtherText { depth, escaped: false },
            },
            at if blank => match at {
                // a number or a word ends here
                At::Other { depth: 0 } => At::Next,
                at => at,
            },
            At::Start if byte == b'{' => At::Name { first: true },
            At::Name { .. } if byte == b'"' => {
                self.name.clear();
                At::InName
            }
            At::Name { first: true } | At::Next if byte == b'}' => At::End,
            At::Colon if byte == b':' => At::Value,
            At::Next if byte == b',' => At::Name { first: false },
            At::Value => self.value(byte)?,
            At::Other { depth } => match byte {
                b'"' if depth > 0 => At::OtherText { depth, escaped: false },
                b'{' | b'[' if depth > 0 => {
                    At::Other { depth: depth.checked_add(1).ok_or_else(not_json)? }
                }
                b'}' | b']' if depth == 1 => At::Next,
                b'}' | b']' if depth > 1 => At::Other { depth: depth - 1 },
                b'}' => At::End,
                b',' if depth == 0 => At::Name { first: false },
                b':' | b'"' | b'{' | b'[' | b']' if depth == 0 => return Err(not_json()),
                _ => At::Other { depth },
            },
            _ => return Err(not_json()),
        };
        Ok(())
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8) -> Result<At> {
        let wanted = self.name == MEMBER;
        match byte {
            b'"' if wanted && self.found => Err(broken("it has two members `data`")),
            b'"' if wanted => {
                self.found = true;
                Ok(At::Data)
            }
            _ if wanted => Err(broken("its member `data` is no text")),
            b'"' => Ok(At::OtherText { depth: 0, escaped: false }),
            b'{' | b'[' => Ok(At::Other { depth: 1 }),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Ok(At::Other { depth: 0 }),
            _ => Err(not_json()),
        }
    }

    /// A byte of a name or of the text that is looked for.
    fn text(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<()> {
        let character = match (self.escape, byte) {
            (Escape::None, b'"') => return self.end_of_text(out),
            (Escape::None, b'\\') => {
                self.escape = Escape::Begun;
                return Ok(());
            }
            (Escape::None, 0..=0x1f) => return Err(not_json()),
            (Escape::None, byte) => u32::from(byte),
            (Escape::Begun, b'u') => {
                self.escape = Escape::Unicode(0, 0);
                return Ok(());
            }
            (Escape::Begun, byte) => match byte {
                b'"' | b'\\' | b'/' => u32::from(byte),
                b'b' => 8,
                b'f' => 12,
                b'n' => 10,
                b'r' => 13,
                b't' => 9,
                _ => return Err(not_json()),
            },
            (Escape::Unicode(digits, value), byte) => {
                let digit = char::from(byte).to_digit(16).ok_or_else(not_json)?;
                let value = value * 16 + digit;
                if digits < 3 {
                    self.escape = Escape::Unicode(digits + 1, value);
                    return Ok(());
                }
                value
            }
        };
        self.escape = Escape::None;
        if self.at == At::InName {
            // bytes of other scripts make a name that is not ours either way
            if self.name.len() < LONGEST_NAME {
                self.name.push(char::from_u32(character).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            return Ok(());
        }
        match u8::try_from(character) {
            // base64 of mails has lines
            Ok(b'\r' | b'\n') => {}
            Ok(digit) => self.digits.push(digit),
            Err(_) => return Err(broken("its text is not base64")),
        }
        Ok(())
    }

    fn end_of_text(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.at == At::InName {
            self.at = At::Colon;
            return Ok(());
        }
        self.at = At::Next;
        let digits = mem::take(&mut self.digits);
        decode(&digits, out)
    }
}

fn decode(digits: &[u8], out: &mut Vec<u8>) -> Result<()> {
    // the crate's own error quotes a byte of the text
    BASE64.decode_vec(digits, out).map_err(|_| broken("its text is not base64"))
}

fn not_json() -> Error {
    broken("it is not JSON")
}

fn broken(what: &str) -> Error {
    let message = format!("the export cannot be read: {what}");
    Error::new(ErrorKind::Decode, message)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::*;

    use super::*;

    /// Decodes a body that is cut at these places.
    fn decode_cut(body: &[u8], cuts: &[usize]) -> Result<Vec<u8>> {
        let mut places: Vec<_> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        places.extend([0, body.len()]);
        places.sort_unstable();
        let mut decoder = Base64Member::new();
        let mut all = Vec::new();
        for piece in places.windows(2) {
            all.extend(decoder.push(&body[piece[0]..piece[1]])?);
        }
        decoder.finish()?;
        Ok(all)
    }

    /// A text as JSON, its characters escaped in the ways that the choices say.
    fn escaped(text: &str, choices: &[u8]) -> String {
        let mut json = String::from("\"");
        for (at, character) in text.chars().enumerate() {
            match choices.get(at % choices.len().max(1)).copied().unwrap_or_default() {
                0 => write!(json, "\\u{:04x}", u32::from(character)).unwrap(),
                1 => write!(json, "\\u{:04X}", u32::from(character)).unwrap(),
                2 if character == '/' => json.push_str("\\/"),
                3 => {
                    json.push_str("\\r\\n");
                    json.push(character);
                }
                _ => json.push(character),
            }
        }
        json.push('"');
        json
    }

    fn member() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            Just(serde_json::json!(null)),
            any::<i32>().prop_map(|number| serde_json::json!(number)),
            ".{0,8}".prop_map(|text| serde_json::json!(text)),
            ".{0,8}".prop_map(|text| serde_json::json!({ "data": [text, { "}": "]" }], "b": {} })),
            Just(serde_json::json!([[], "\\\"", true, -1.5e3])),
        ];
        ("[a-z\"\\\\\u{e9}]{0,6}", value)
            .prop_filter("the name is taken", |(name, _)| name != MEMBER)
            .prop_map(|(name, value)| format!("{}:{value}", serde_json::json!(name)))
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            padded in any::<bool>(),
            choices in prop::collection::vec(0..9_u8, 1..40),
            name_choices in prop::collection::vec(0..9_u8, 1..5),
            before in prop::collection::vec(member(), 0..3),
            after in prop::collection::vec(member(), 0..3),
            blank in "[ \t\r\n]{0,3}",
            cuts in prop::collection::vec(any::<usize>(), 0..20),
            broken_at in any::<usize>(),
        ) {
            let mut text = BASE64_STANDARD.encode(&bytes);
            if !padded {
                text.truncate(text.trim_end_matches('=').len());
            }
            // a line break inside of a name makes another name
            let name_choices: Vec<_> = name_choices.iter().map(|one| if *one == 3 { 4 } else { *one }).collect();
            let name = escaped(MEMBER, &name_choices);
            let data = format!("{name}{blank}:{blank}{}", escaped(&text, &choices));
            let members: Vec<_> = before.into_iter().chain([data]).chain(after).collect();
            let body = format!("{blank}{{{blank}{}{blank}}}{blank}", members.join(&format!("{blank},{blank}")));
            prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{body}");
            prop_assert_eq!(decode_cut(body.as_bytes(), &cuts).unwrap(), bytes, "{}", body);

            // broken off anywhere before its end it is not complete
            let end = body.trim_end().len();
            let short = &body.as_bytes()[..broken_at % end];
            prop_assert!(decode_cut(short, &cuts).is_err(), "{}", String::from_utf8_lossy(short));
        }

        #[test]
        fn nothing_makes_it_panic(
            body in prop::collection::vec(prop_oneof![
                Just(b'{'), Just(b'}'), Just(b'"'), Just(b'\\'), Just(b'u'), Just(b':'),
                Just(b','), Just(b'['), Just(b'='), any::<u8>(),
            ], 0..60),
            cuts in prop::collection::vec(any::<usize>(), 0..6),
        ) {
            let whole = decode_cut(&body, &[]).ok();
            prop_assert_eq!(decode_cut(&body, &cuts).ok(), whole);
        }

        #[test]
        fn a_text_with_wrong_digits_is_refused(
            bytes in prop::collection::vec(any::<u8>(), 1..50),
            at in any::<usize>(),
            wrong in "[ =*\u{e9}\u{2020}-]",
            cuts in prop::collection::vec(any::<usize>(), 0..6),
        ) {
            let text = BASE64_STANDARD.encode(&bytes);
            let at = at % text.trim_end_matches('=').len();
            let body = format!("{{\"data\":\"{}{wrong}{}\"}}", &text[..at], &text[at..]);
            let error = decode_cut(body.as_bytes(), &cuts).unwrap_err();
            prop_assert_eq!(error.kind(), ErrorKind::Decode);
        }
    }

    #[test]
    fn what_is_no_export() {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"data":null}"#,
            r#"{"data":["YQ=="]}"#,
            r#"{"Data":"YQ=="}"#,
            r#"{"a":{"data":"YQ=="}}"#,
            r#"{"data":"YQ==","data":"YQ=="}"#,
            r#"{"data":"YQ=="}}"#,
            r#"{"data":"YQ==" "a":1}"#,
            r#"{"data":"YQ==",}"#,
            r#"{"data":"YQ==YQ=="}"#,
            r#"{"data" "YQ=="}"#,
            "{\"data\":\"YQ\n==\"}",
            r#"{"data":"Y"}"#,
            r#"{"data":"\u00"}"#,
            r#"{"data":"\x"}"#,
            "<html>",
        ] {
            assert!(decode_cut(body.as_bytes(), &[]).is_err(), "{body}");
        }
        assert_eq!(decode_cut(br#" {"a" : 1 , "data" : "YQ" } "#, &[]).unwrap(), b"a");
        assert_eq!(decode_cut(br#"{"data":""}"#, &[]).unwrap(), b"");
    }

    #[test]
    fn it_holds_no_more_than_a_piece() {
        let mut decoder = Base64Member::new();
        let mut bytes = decoder.push(b"{\"data\":\"").unwrap().len();
        for _ in 0..1000 {
            bytes += decoder.push(&[b'Q'; 4096]).unwrap().len();
            assert!(decoder.digits.len() <= 8 && decoder.digits.capacity() <= 3 * 4096);
        }
        bytes += decoder.push(b"\"}").unwrap().len();
        decoder.finish().unwrap();
        assert_eq!(bytes, 1000 * 4096 / 4 * 3);
    }
}
