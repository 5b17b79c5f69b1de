//! Files that exports give: real ones, if small.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Crc;

use crate::Value;
use crate::random;

/// A PDF of one page that shows a text, and of so many bytes more that show nothing.
pub(crate) fn pdf(text: &str, filler: usize) -> Vec<u8> {
    let shown: String = text.chars().filter(|one| one.is_ascii_graphic() || *one == ' ').collect();
    let shown = shown.replace(['(', ')', '\\'], " ");
    let content = format!("BT /F1 24 Tf 72 720 Td ({shown}) Tj ET");
    let stream = |bytes: &[u8]| {
        let mut object = format!("<</Length {}>>stream\n", bytes.len()).into_bytes();
        object.extend_from_slice(bytes);
        object.extend_from_slice(b"\nendstream");
        object
    };
    let mut objects: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R\
          /Resources<</Font<</F1 5 0 R>>>>>>"
            .to_vec(),
        stream(content.as_bytes()),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
    ];
    if filler > 0 {
        let seed = random::fnv(text.as_bytes(), 2);
        let words =
            (0..filler.div_ceil(8) as u64).flat_map(|at| random::mix(seed ^ at).to_le_bytes());
        objects.push(stream(&words.take(filler).collect::<Vec<_>>()));
    }
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(out.len());
        let _ = writeln!(out, "{} 0 obj", at + 1);
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let table = out.len();
    let size = places.len() + 1;
    // writing to memory cannot fail
    let _ = writeln!(out, "xref\n0 {size}\n0000000000 65535 f ");
    for place in &places {
        let _ = writeln!(out, "{place:010} 00000 n ");
    }
    let _ = writeln!(out, "trailer\n<</Size {size}/Root 1 0 R>>");
    let _ = writeln!(out, "startxref\n{table}\n%%EOF");
    out
}

/// Bytes as the recorded replies carry them: `{"data":"<base64>"}`.
pub(crate) fn as_json(bytes: &[u8]) -> Vec<u8> {
    let mut json = b"{\"data\":\"".to_vec();
    json.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
    json.extend_from_slice(b"\"}");
    json
}

/// Lines of quoted texts, in UTF-16 with a byte order mark, as recorded.
pub(crate) fn csv(lines: impl Iterator<Item = Vec<Value>>) -> Vec<u8> {
    let mut text = String::from('\u{feff}');
    for line in lines {
        let quoted = line.iter().map(|value| format!("\"{}\"", shown(value).replace('"', "\"\"")));
        text.push_str(&quoted.collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Text(text) => text.clone(),
    }
}

/// A workbook of one sheet: a ZIP archive of XML.
pub(crate) fn xlsx(lines: impl Iterator<Item = Vec<Value>>) -> Vec<u8> {
    const TYPES: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    const LINKS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let link = |kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" \
             Type=\"{LINKS}/{kind}\" Target=\"{target}\"/></Relationships>"
        )
    };
    let mut rows = String::new();
    for line in lines {
        rows.push_str("<row>");
        for value in &line {
            match value {
                Value::Null => rows.push_str("<c/>"),
                Value::Integer(_) | Value::Double(_) => {
                    let _ = write!(rows, "<c><v>{}</v></c>", shown(value));
                }
                Value::Text(text) => {
                    let text = escape(text);
                    let _ = write!(rows, "<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
                }
            }
        }
        rows.push_str("</row>");
    }
    archive(&[
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" \
                 ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPES}.sheet.main+xml\"/>\
                 <Override PartName=\"/xl/sheet.xml\" ContentType=\"{TYPES}.worksheet+xml\"/></Types>"
            ),
        ),
        ("_rels/.rels", link("officeDocument", "xl/workbook.xml")),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{LINKS}\"><sheets>\
                 <sheet name=\"Export\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        ("xl/_rels/workbook.xml.rels", link("worksheet", "sheet.xml")),
        (
            "xl/sheet.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ])
}

/// XML has no place for most control characters.
fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

/// A ZIP archive whose files are stored as they are.
fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let bytes = text.as_bytes();
        let mut crc = Crc::new();
        crc.update(bytes);
        let place = length(out.len());
        let mut head = Vec::new();
        // version, flags, method, time, date, checksum, sizes, length of the name, no extra field
        for number in [20_u16, 0x0800, 0, 0, 0x21] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        for number in [crc.sum(), length(bytes.len()), length(bytes.len())] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        for number in [u16::try_from(name.len()).unwrap_or_default(), 0] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        // writing to memory cannot fail
        let _ = out.write_all(b"PK\x03\x04").and_then(|()| out.write_all(&head));
        let _ = out.write_all(name.as_bytes()).and_then(|()| out.write_all(bytes));
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&head);
        // no comment, the first disk, no attributes
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&place.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let place = length(out.len());
    let count = u16::try_from(files.len()).unwrap_or_default();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    for number in [count, count] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [length(directory.len()), place] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&[0, 0]);
    out
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
