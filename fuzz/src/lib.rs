//! What the fuzz targets check, one module each: `check(data)` panics when a promise is broken.
//! The programs under `targets/` hand them to libFuzzer; the test below replays the corpus.

pub mod error_reply;
pub mod grid;
pub mod login_reply;
pub mod reference;
pub mod reply_headers;
pub mod snapshot;
pub mod url_join;

/// What nobody says by chance. A fuzzer learns the texts of our errors, and would find them in
/// themselves.
const CANARY: &str = "c4n4ry-7f3a";

/// Header lines, `name: value`, until the data ends. What cannot be a header is left out.
fn headers(lines: &[u8]) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let name = http::HeaderName::from_bytes(name.trim_ascii());
        let value = http::HeaderValue::from_bytes(value[1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Every target with its check; a folder of the corpus without one fails.
    const TARGETS: [(&str, fn(&[u8])); 7] = [
        ("error_reply", crate::error_reply::check),
        ("grid", crate::grid::check),
        ("login_reply", crate::login_reply::check),
        ("reference", crate::reference::check),
        ("reply_headers", crate::reply_headers::check),
        ("snapshot", crate::snapshot::check),
        ("url_join", crate::url_join::check),
    ];

    #[test]
    fn corpus() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let mut folders: Vec<_> = fs::read_dir(&corpus)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        folders.sort();
        assert_eq!(folders, TARGETS.map(|(name, _)| name), "folders of the corpus");
        for (name, check) in TARGETS {
            let mut inputs = 0;
            for entry in fs::read_dir(corpus.join(name)).unwrap() {
                check(&fs::read(entry.unwrap().path()).unwrap());
                inputs += 1;
            }
            assert!(inputs > 0, "{name}: no input");
            println!("{name}: {inputs} inputs");
        }
    }
}
