//! `--jq`: what of a JSON reply is wanted, in the language of jq.

use jaq_core::{
    Compiler, Ctx, Vars, data,
    load::{Arena, File, Loader},
    unwrap_valr,
};
use jaq_json::{Val, read};

use crate::failure::{Failure, Result, code};

/// The results of the filter, one text each; a text result comes without its quotes.
pub(crate) fn select(filter: &str, json: &[u8]) -> Result<Vec<String>> {
    let wrong = |what: &str| Failure::usage(format!("--jq: {what}"));
    let loader = Loader::new(jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()));
    let arena = Arena::default();
    let modules = loader
        .load(&arena, File { code: filter, path: () })
        .map_err(|_| wrong("this is not a filter of jq"))?;
    let filter = Compiler::default()
        .with_funs(jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()))
        .compile(modules)
        .map_err(|_| wrong("the filter uses a function or variable that there is not"))?;
    let input = read::parse_single(json)
        .map_err(|_| Failure::new(code::SERVER, "the reply is not JSON: nothing to select from"))?;
    let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let results = filter.id.run((context, input)).map(unwrap_valr);
    results
        .map(|result| match result {
            Ok(Val::TStr(text)) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Ok(value) => Ok(value.to_string()),
            Err(error) => Err(wrong(&error.to_string())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn filters() {
        let json = br#"[{"name":"a","n":1},{"name":"b","n":2.50}]"#;
        assert_eq!(select(".[].name", json).unwrap(), ["a", "b"]);
        assert_eq!(select("map(.n) | add", json).unwrap(), ["3.5"]);
        assert_eq!(select(".[1]", json).unwrap(), [r#"{"name":"b","n":2.50}"#]);
        assert_eq!(select("[.[] | select(.n > 1)] | length", json).unwrap(), ["1"]);
        assert_eq!(select(".[5]", json).unwrap(), ["null"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(select(".[", b"1").unwrap_err().code(), code::USAGE);
        assert_eq!(select("nope", b"1").unwrap_err().code(), code::USAGE);
        assert_eq!(select(".x", b"1").unwrap_err().code(), code::USAGE);
        assert_eq!(select(".", b"<html>").unwrap_err().code(), code::SERVER);
    }
}
