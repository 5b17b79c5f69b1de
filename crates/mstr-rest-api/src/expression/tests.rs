//! The rules of expressions: by example, and against the same rules said another way.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn sent(expression: &Expression) -> serde_json::Value {
    serde_json::to_value(expression).unwrap()
}

#[test]
fn as_the_vendor_documents_them() {
    let elements = attribute("A").is_in(["h1;A", "A:6"]);
    assert_eq!(
        sent(&elements),
        json!({ "operator": "In", "operands": [
            { "type": "attribute", "id": "A" },
            { "type": "elements", "elements": [{ "id": "h1;A" }, { "id": "A:6" }] },
        ]})
    );
    let between = attribute("A").form("F").between(1, 3);
    assert_eq!(
        sent(&between),
        json!({ "operator": "Between", "operands": [
            { "type": "form", "attribute": { "id": "A" }, "form": { "id": "F" } },
            { "type": "constant", "dataType": "Real", "value": "1" },
            { "type": "constant", "dataType": "Real", "value": "3" },
        ]})
    );
    let between = metric("M").between(1, 3);
    assert_eq!(
        sent(&between)["operands"][1],
        json!({ "type": "constant", "dataType": "Int64", "value": "1" })
    );
    let between = attribute("A").form("F").between(1, 3);
    assert_eq!(
        sent(&attribute("A").form("F").is_in(["x", "y"]))["operands"][1],
        json!({ "type": "constants", "dataType": "Char", "values": ["x", "y"] })
    );
    assert_eq!(
        sent(&metric("M").top_percent(20.0))["operands"][1],
        json!({ "type": "constant", "dataType": "Real", "value": "20%" })
    );
    assert_eq!(
        sent(&metric("M").compared(Operator::Greater, metric("N"))),
        json!({ "operator": "Greater", "operands": [
            { "type": "metric", "id": "M" }, { "type": "metric", "id": "N" },
        ]})
    );
    let joined = Expression::any([elements.clone(), between.clone().negate()]);
    assert_eq!(
        sent(&joined),
        json!({ "operator": "Or", "operands": [
            sent(&elements),
            { "operator": "Not", "operands": [sent(&between)] },
        ]})
    );
    assert_eq!(Expression::all([elements.clone()]), elements, "one alone needs no And");
}

#[test]
fn refused() {
    for (expression, says) in [
        (Expression::all([]), "And"),
        (Expression::any([]), "Or"),
        (attribute("A").is_in([] as [&str; 0]), "elements"),
        (attribute("A").is_in([""]), "element"),
        (attribute("").is_in(["h1;A"]), "attribute"),
        (attribute("A").form("").equals(1), "form"),
        (attribute("A").form("F").is_in([] as [i32; 0]), "constants"),
        (attribute("A").form("F").is_in([Constant::from(1), Constant::from("x")]), "data types"),
        (attribute("A").form("F").contains(5), "Contains"),
        (metric("").is_null(), "metric"),
        (metric("M").equals("text"), "Equals"),
        (metric("M").between(1, "text"), "Between"),
        (metric("M").greater_than(f64::NAN), "number"),
        (metric("M").greater_than(Constant::typed(ConstantType::Real, "1;drop")), "number"),
        (metric("M").greater_than(Constant::typed(ConstantType::Int64, "1.5")), "Int64"),
        (metric("M").greater_than(Constant::time("10:30")), "Greater"),
        (attribute("A").form("F").equals(Constant::date(" ")), "Date"),
        (metric("M").ranked(Operator::RankTop, "three"), "Rank.Top"),
        (metric("M").compared(Operator::Like, metric("N")), "Like"),
        (Expression::new(Operator::In, [metric("M").into()]), "In"),
        (Expression::new(Operator::Not, []), "none"),
        (metric("M").equals("text").negate(), "Equals"),
    ] {
        let error = expression.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains(says), "{says}: {error}");
        assert!(serde_json::to_value(&expression).is_err());
    }
}

#[test]
fn constants_have_the_documented_types() {
    let of = |constant: Constant| (constant.data_type().name(), constant.value().to_owned());
    for (constant, name, value) in [
        (Constant::from(5), "Int64", "5"),
        (Constant::from(-7_i64), "Int64", "-7"),
        (Constant::from(u64::MAX), "BigDecimal", "18446744073709551615"),
        (Constant::from(1.5), "Real", "1.5"),
        (Constant::from(0.1), "Real", "0.1"),
        (Constant::from(1_234_567.89), "BigDecimal", "1234567.89"),
        (Constant::from(16_777_217.0), "BigDecimal", "16777217"),
        (Constant::from(0.1_f32), "Real", "0.1"),
        (Constant::from("5"), "Char", "5"),
        (Constant::date("1/31/2024"), "Date", "1/31/2024"),
        (Constant::time("10:30:00"), "Time", "10:30:00"),
        (Constant::time_stamp("1/31/2024 10:30:00"), "TimeStamp", "1/31/2024 10:30:00"),
    ] {
        assert_eq!(of(constant), (name, value.to_owned()));
    }
    // forms: no source says that they take Int64
    for (number, name) in
        [(16_777_216_i64, "Real"), (16_777_217, "BigDecimal"), (i64::MIN, "BigDecimal")]
    {
        let sent = sent(&attribute("A").form("F").equals(number));
        assert_eq!(sent["operands"][1]["dataType"], name, "{number}");
        assert_eq!(sent["operands"][1]["value"], number.to_string());
    }
    let said = attribute("A").form("F").equals(Constant::typed(ConstantType::Int64, "1"));
    assert_eq!(sent(&said)["operands"][1]["dataType"], "Int64");
    for (declared, name) in [
        ("double", Some(ConstantType::Real)),
        ("Real", Some(ConstantType::Real)),
        ("bigDecimal", Some(ConstantType::BigDecimal)),
        ("integer", Some(ConstantType::Int64)),
        ("varChar", Some(ConstantType::Char)),
        ("utf8Char", Some(ConstantType::Char)),
        ("33", Some(ConstantType::Char)),
        ("6", Some(ConstantType::Real)),
        ("date", Some(ConstantType::Date)),
        ("unknown", None),
        ("reserved", None),
        ("-1", None),
        ("binary", None),
    ] {
        assert_eq!(ConstantType::of_data_type(declared), name, "{declared}");
    }
}

#[test]
fn limits_of_metrics() {
    for good in [metric("M").less_or_equal(1.5), metric("M").bottom(3), metric("M").is_not_null()] {
        good.check_limit("M").unwrap();
        assert!(good.check_limit("N").unwrap_err().message().contains('N'));
    }
    for bad in [
        metric("M").less_than(1).negate(),
        attribute("M").form("F").less_than(1),
        metric("M").ranked(Operator::RankExcludeTop, 1),
        metric("M").ranked(Operator::PercentEquals, 0.5),
        attribute("M").is_in(["h1;M"]),
        metric("M").less_than("x"),
    ] {
        assert_eq!(bad.check_limit("M").unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}

/// Operands of all kinds, most of them sound.
fn operand() -> impl Strategy<Value = Operand> {
    let constant = prop_oneof![
        any::<f64>().prop_map(Constant::from),
        any::<i64>().prop_map(Constant::from),
        ".{0,6}".prop_map(Constant::from),
        (prop::sample::select(ConstantType::ALL), ".{0,6}")
            .prop_map(|(kind, value)| Constant::typed(kind, value)),
    ];
    prop_oneof![
        "[0-9A-F]{0,4}".prop_map(|id| attribute(id).into()),
        ("[0-9A-F]{0,4}", "[0-9A-F]{1,4}").prop_map(|(a, f)| attribute(a).form(f).into()),
        "[0-9A-F]{0,4}".prop_map(|id| metric(id).into()),
        prop::collection::vec("h[0-9]{1,2};A", 0..3).prop_map(Operand::Elements),
        prop::collection::vec(constant.clone(), 0..3).prop_map(Operand::Constants),
        constant.prop_map(Operand::Constant),
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    prop::sample::select(Operator::ALL)
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = (operator(), prop::collection::vec(operand(), 0..4))
        .prop_map(|(operator, operands)| Expression::new(operator, operands));
    leaf.prop_recursive(3, 12, 3, |inner| {
        let nested = prop_oneof![2 => inner.prop_map(Operand::from), 1 => operand()];
        (operator(), prop::collection::vec(nested, 0..4))
            .prop_map(|(operator, operands)| Expression::new(operator, operands))
    })
}

/// The rules of the vendor's tables, said another way: by name, on what is sent.
fn server_takes(json: &serde_json::Value) -> bool {
    let name = json["operator"].as_str().unwrap();
    let operands = json["operands"].as_array().unwrap();
    let kind =
        |at: usize| operands.get(at).map_or("", |one| one["type"].as_str().unwrap_or("tree"));
    // what metrics are not compared with
    let is_text = |at: usize| {
        ["Char", "Time", "TimeStamp"].contains(&operands[at]["dataType"].as_str().unwrap())
    };
    let shape: Vec<_> = (0..operands.len()).map(kind).collect();
    let constants = shape.iter().skip(1).filter(|kind| **kind == "constant").count();
    let texts = (1..shape.len()).filter(|at| shape[*at] == "constant" && is_text(*at)).count();
    let only_constants = constants + 1 == shape.len();
    match name {
        "And" | "Or" => !shape.is_empty() && operands.iter().all(server_takes_operand),
        "Not" => shape.len() == 1 && server_takes_operand(&operands[0]),
        "In" | "NotIn" => shape == ["attribute", "elements"] || shape == ["form", "constants"],
        "IsNull" | "IsNotNull" => shape == ["form"] || shape == ["metric"],
        "Between" | "NotBetween" => {
            only_constants
                && constants == 2
                && (kind(0) == "form" || (kind(0) == "metric" && texts == 0))
        }
        "Equals" | "NotEqual" | "Greater" | "Less" | "GreaterEqual" | "LessEqual" => {
            shape == ["metric", "metric"]
                || (only_constants
                    && constants == 1
                    && (kind(0) == "form" || (kind(0) == "metric" && texts == 0)))
        }
        name if name.starts_with("Rank.") || name.starts_with("Percent.") => {
            let wanted = if name.ends_with("Between") { 2 } else { 1 };
            kind(0) == "metric" && only_constants && constants == wanted && texts == 0
        }
        _ => shape == ["form", "constant"] && operands[1]["dataType"] == "Char",
    }
}

fn server_takes_operand(operand: &serde_json::Value) -> bool {
    operand.get("operator").is_some() && server_takes(operand)
}

proptest! {
    #[test]
    fn what_passes_is_what_the_server_takes(expression in expression()) {
        match serde_json::to_value(&expression) {
            Ok(json) => {
                prop_assert!(expression.check().is_ok());
                prop_assert!(server_takes(&json), "{json}");
            }
            Err(_) => prop_assert_eq!(
                expression.check().unwrap_err().kind(),
                ErrorKind::InvalidRequest
            ),
        }
    }

    #[test]
    fn sound_ones_always_pass(
        ids in prop::collection::vec("[0-9A-F]{1,8}", 3),
        low in -1e9..1e9f64,
        text in ".{0,8}",
        joins in prop::collection::vec(any::<bool>(), 0..4),
    ) {
        let [a, f, m] = ids.try_into().unwrap();
        let mut tree = attribute(&a).form(&f).like(text.as_str());
        for all in joins {
            let more = [tree, metric(&m).between(low, low + 1.0), attribute(&a).form(&f).equals(low)];
            tree = if all { Expression::all(more) } else { Expression::any(more).negate() };
        }
        prop_assert!(tree.check().is_ok());
        prop_assert!(server_takes(&sent(&tree)));
    }

    #[test]
    fn a_limit_is_about_its_metric(expression in expression(), id in "[0-9A-F]{1,4}") {
        if expression.check_limit(&id).is_ok() {
            let json = sent(&expression);
            prop_assert_eq!(&json["operands"][0], &json!({ "type": "metric", "id": id }));
            prop_assert!(expression.operator().can_limit_metrics());
        }
    }
}
