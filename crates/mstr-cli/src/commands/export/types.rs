//! `--metric-type` and `--attribute-type`: types of columns by name.

use mstr_rest::data::ValueType;

/// `NAME=TYPE`. The name may hold `=`.
pub(super) fn parse(text: &str) -> Result<(String, ValueType), String> {
    let (name, kind) = text.rsplit_once('=').ok_or("write NAME=TYPE")?;
    if name.trim().is_empty() {
        return Err("there is no name before the =".to_owned());
    }
    Ok((name.trim().to_owned(), value_type(kind.trim())?))
}

fn value_type(text: &str) -> Result<ValueType, String> {
    let lower = text.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("decimal") {
        return decimal(digits)
            .ok_or_else(|| format!("{text:?}: write decimal(PRECISION,SCALE), 38 digits at most"));
    }
    Ok(match lower.as_str() {
        "float" | "double" => ValueType::Float,
        "integer" | "int" => ValueType::Integer,
        "boolean" | "bool" => ValueType::Boolean,
        "date" => ValueType::Date,
        "timestamp" => ValueType::Timestamp,
        "text" | "string" => ValueType::Text,
        _ => {
            let types = "float, integer, decimal(PRECISION,SCALE), boolean, date, timestamp, text";
            return Err(format!("there is no type {text:?}: it is one of {types}"));
        }
    })
}

/// What stands behind `decimal`: nothing is 38 digits, 10 of them behind the point.
fn decimal(digits: &str) -> Option<ValueType> {
    if digits.is_empty() {
        return Some(ValueType::Decimal { precision: 38, scale: 10 });
    }
    let (precision, scale) = digits.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale): (u8, i8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    let fits = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
    fits.then_some(ValueType::Decimal { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_parsed_by_name() {
        let decimal = ValueType::Decimal { precision: 18, scale: 4 };
        assert_eq!(parse("Revenue=Float"), Ok(("Revenue".to_owned(), ValueType::Float)));
        assert_eq!(parse("a=b = decimal(18, 4)"), Ok(("a=b".to_owned(), decimal)));
        for wrong in ["Revenue", "=text", "R=number", "R=decimal(39,1)", "R=decimal(5,6)"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
