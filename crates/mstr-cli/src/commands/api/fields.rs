//! The fields of `mstr api`: parameters of a query, or members of a JSON body.

use serde_json::{Map, Value, map::Entry};

/// Puts a member into the body. `a[b]` is a member of the object `a`, `a[]` an item of the list
/// `a`; a name that comes again makes a list.
pub(super) fn insert(body: &mut Map<String, Value>, name: &str, value: Value) {
    let (first, rest) = match name.split_once('[') {
        Some((first, rest)) if !first.is_empty() && name.ends_with(']') => (first, Some(rest)),
        _ => (name, None),
    };
    match rest {
        Some("]") => {
            let list = body.entry(first).or_insert_with(|| Value::Array(Vec::new()));
            push(list, value);
        }
        Some(rest) => {
            let inner = rest.replacen(']', "", 1);
            let object = body.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if !object.is_object() {
                *object = Value::Object(Map::new());
            }
            if let Some(members) = object.as_object_mut() {
                insert(members, &inner, value);
            }
        }
        None => match body.entry(first) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => push(entry.get_mut(), value),
        },
    }
}

fn push(list: &mut Value, value: Value) {
    if let Value::Array(items) = list {
        items.push(value);
    } else {
        *list = Value::Array(vec![list.take(), value]);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_say_where_a_value_belongs() {
        let mut body = Map::new();
        for (name, value) in [
            ("a", json!("1")),
            ("b[c]", json!(2)),
            ("b[d][e]", json!(true)),
            ("l[]", json!("x")),
            ("t", json!("3")),
            ("t", json!("55")),
            ("t", json!("8")),
            ("[x", json!(null)),
        ] {
            insert(&mut body, name, value);
        }
        let expected = json!({
            "a": "1", "b": {"c": 2, "d": {"e": true}}, "l": ["x"], "t": ["3", "55", "8"], "[x": null
        });
        assert_eq!(Value::Object(body), expected);
    }
}
