//! Expressions against a definition: names become ids, and ids are checked before anything is sent.
//!
//! An id that does not exist in the report or cube is not always an error of the server: the
//! condition may match nothing, or be ignored (vendor documentation).

use mstr_rest_core::Result;

use super::constant::{Constant, ConstantType};
use super::{AttributeOperand, Expression, FormOperand, MetricOperand, Operand, Operator, invalid};
use crate::{AttributeObject, Definition, Template, UnitKind};

impl Expression {
    /// The same with ids where it has names, of the objects of a report or cube. Ids stay as they
    /// are. The case of letters does not matter unless several names differ in nothing else.
    ///
    /// - Attributes, forms and metrics are looked up in the definition.
    /// - Elements that are named, and not given by id, become a condition on the form that people
    ///   read: `attribute("Region").is_in(["North"])` is sent as that form being in that list. An
    ///   attribute without forms needs ids.
    /// - Constants get the type that the definition declares for the form or metric, unless
    ///   [`Constant::typed`] said one.
    ///
    /// What comes out passes [`check`](Self::check) and [`check_against`](Self::check_against).
    ///
    /// ```
    /// use mstr_rest_api::Definition;
    /// use mstr_rest_api::expression::{Expression, attribute, metric};
    ///
    /// let json = r#"{"name": "Sales", "definition": {"availableObjects": {
    ///     "attributes": [{"id": "8D67", "name": "Region",
    ///         "forms": [{"id": "45C1", "name": "ID"}, {"id": "CCFB", "name": "DESC"}]}],
    ///     "metrics": [{"id": "4C05", "name": "Revenue", "dataType": "double"}]}}}"#;
    /// let definition: Definition = serde_json::from_str(json).unwrap();
    /// let filter = Expression::all([
    ///     attribute("Region").is_in(["North", "South"]),
    ///     metric("Revenue").greater_than("1000"),
    /// ]);
    /// let by_id = Expression::all([
    ///     attribute("8D67").form("CCFB").is_in(["North", "South"]),
    ///     metric("4C05").greater_than(1000.0),
    /// ]);
    /// assert_eq!(filter.resolve(&definition).unwrap(), by_id);
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest): there is no object of that
    /// name, there are several (the error lists their ids), or a value does not fit the declared
    /// type.
    pub fn resolve(&self, definition: &Definition) -> Result<Self> {
        let resolved = self.resolved(definition)?;
        resolved.check()?;
        resolved.check_against(definition)?;
        Ok(resolved)
    }

    fn resolved(&self, definition: &Definition) -> Result<Self> {
        let operator = self.operator;
        if let [Operand::Attribute(attribute), Operand::Elements(ids)] = &self.operands[..] {
            return elements(definition, operator, attribute, ids);
        }
        let is_value = operator.compares_values();
        let of = self.operands.first();
        let operands = self.operands.iter().map(|operand| match operand {
            Operand::Expression(nested) => Ok(nested.resolved(definition)?.into()),
            Operand::Attribute(attribute) => {
                Ok(AttributeOperand(definition.attribute(&attribute.0)?.id.clone()).into())
            }
            Operand::Form(form) => {
                let attribute = definition.attribute(&form.attribute)?;
                let (attribute, form) =
                    (attribute.id.clone(), attribute.form(&form.form)?.id.clone());
                Ok(FormOperand { attribute, form }.into())
            }
            Operand::Metric(metric) => {
                Ok(MetricOperand(definition.metric(&metric.0)?.id.clone()).into())
            }
            Operand::Constant(one) if is_value => Ok(typed(definition, of, one)?.into()),
            Operand::Constants(all) if is_value => {
                let all = all.iter().map(|one| typed(definition, of, one));
                let mut all = all.collect::<Result<Vec<_>>>()?;
                Constant::align(&mut all);
                Ok(Operand::Constants(all))
            }
            other => Ok(other.clone()),
        });
        Ok(Self { operator, operands: operands.collect::<Result<_>>()? })
    }

    /// Whether a report or cube has all that it names by id: attributes, forms of these
    /// attributes, metrics, and elements of these attributes.
    ///
    /// # Errors
    /// [`InvalidRequest`](mstr_rest_core::ErrorKind::InvalidRequest), naming the id and what there
    /// is.
    pub fn check_against(&self, definition: &Definition) -> Result<()> {
        let mut attribute = None;
        for operand in &self.operands {
            match operand {
                Operand::Expression(nested) => nested.check_against(definition)?,
                Operand::Attribute(one) => {
                    check_attribute(definition, &one.0)?;
                    attribute = Some(&one.0);
                }
                Operand::Form(form) => check_form(definition, form)?,
                Operand::Metric(metric) => check_metric(definition, metric.id())?,
                Operand::Elements(ids) => {
                    let Some(attribute) = attribute else { continue };
                    if let Some(other) =
                        ids.iter().find(|id| belongs(definition, attribute, id) == Some(false))
                    {
                        return Err(invalid(format!(
                            "the element {other:?} is none of the attribute {}",
                            named(definition, attribute)
                        )));
                    }
                }
                Operand::Constant(_) | Operand::Constants(_) => {}
            }
        }
        Ok(())
    }
}

/// A condition on elements, by id or by name.
fn elements(
    definition: &Definition,
    operator: Operator,
    attribute: &AttributeOperand,
    ids: &[String],
) -> Result<Expression> {
    let found = definition.attribute(&attribute.0)?;
    let is_id = |id: &&String| {
        belongs(definition, &found.id, id).is_some() || (id.starts_with('h') && id.contains(";;"))
    };
    match ids.iter().filter(is_id).count() {
        by_id if by_id == ids.len() => {
            let operands =
                [AttributeOperand(found.id.clone()).into(), Operand::Elements(ids.into())];
            Ok(Expression::new(operator, operands))
        }
        0 => {
            let form = found.shown_form().ok_or_else(|| {
                invalid(format!("{:?} has no forms: give its elements by id", found.name))
            })?;
            let form = AttributeOperand(found.id.clone()).form(form.id.clone());
            let constants =
                Operand::Constants(ids.iter().map(|id| Constant::from(&**id)).collect());
            Expression::new(operator, [form.into(), constants]).resolved(definition)
        }
        _ => Err(invalid(format!(
            "the elements of {:?} are partly ids and partly names: give all of them in one way",
            found.name
        ))),
    }
}

/// The constant with the type that the definition declares for what it is compared with.
fn typed(definition: &Definition, of: Option<&Operand>, constant: &Constant) -> Result<Constant> {
    let (name, data_type, is_form) = match of {
        Some(Operand::Form(form)) => {
            let found = definition.attribute(&form.attribute)?.form(&form.form)?;
            (&found.name, found.data_type.as_deref(), true)
        }
        Some(Operand::Metric(metric)) => {
            let found = definition.metric(&metric.0)?;
            (&found.name, found.data_type.as_deref(), false)
        }
        _ => return Ok(constant.clone()),
    };
    // metrics are numbers if nothing else is said
    let metric = (!is_form && constant.is_text()).then_some(ConstantType::Real);
    let declared = data_type.and_then(ConstantType::of_data_type).or(metric);
    constant.clone().declared(declared, is_form).ok_or_else(|| {
        invalid(format!("{name:?} holds numbers, and is compared with {:?}", constant.value()))
    })
}

/// Whether an element is one of the attribute, by its id; `None` if that does not say.
fn belongs(definition: &Definition, attribute: &str, element: &str) -> Option<bool> {
    let parts: Vec<&str> = element.split([';', ':']).collect();
    if parts.len() < 2 {
        return None;
    }
    let is = |id: &str| parts.iter().any(|part| part.eq_ignore_ascii_case(id));
    if is(attribute) {
        return Some(true);
    }
    let is_guid = |part: &&str| part.len() == 32 && part.bytes().all(|it| it.is_ascii_hexdigit());
    let is_of_other = parts.iter().any(is_guid) || definition.attributes().any(|one| is(&one.id));
    is_of_other.then_some(false)
}

pub(crate) fn check_attribute(definition: &Definition, id: &str) -> Result<()> {
    let mut units = definition.template.iter().flat_map(Template::units);
    let is_known = definition.attributes().any(|one| one.id.eq_ignore_ascii_case(id))
        || units.any(|unit| unit.kind != UnitKind::Metrics && unit.id.eq_ignore_ascii_case(id));
    if is_known {
        return Ok(());
    }
    let names = definition.attributes().map(|one| (&*one.id, &*one.name));
    Err(unknown(definition, "attribute", id, names))
}

pub(crate) fn check_metric(definition: &Definition, id: &str) -> Result<()> {
    let metrics = definition.available.metrics.iter();
    let mut elements = definition.template.iter().flat_map(|template| {
        let units = template.units().filter(|unit| unit.kind == UnitKind::Metrics);
        units.flat_map(|unit| &unit.elements)
    });
    let is_known = metrics.clone().any(|one| one.id.eq_ignore_ascii_case(id))
        || elements.any(|one| one.id.eq_ignore_ascii_case(id));
    if is_known {
        return Ok(());
    }
    Err(unknown(definition, "metric", id, metrics.map(|one| (&*one.id, &*one.name))))
}

fn check_form(definition: &Definition, form: &FormOperand) -> Result<()> {
    check_attribute(definition, &form.attribute)?;
    check_form_of(definition, &form.attribute, &form.form)
}

pub(crate) fn check_form_of(definition: &Definition, attribute: &str, form: &str) -> Result<()> {
    let is = |id: &str| id.eq_ignore_ascii_case(attribute);
    let available = definition.attributes().filter(|one| is(&one.id)).flat_map(|one| &one.forms);
    let units = definition.template.iter().flat_map(Template::units);
    let shown = units.filter(|unit| is(&unit.id)).flat_map(|unit| &unit.forms);
    let forms: Vec<_> = available.chain(shown).collect();
    // a server that lists none leaves it open
    if forms.is_empty() || forms.iter().any(|one| one.id.eq_ignore_ascii_case(form)) {
        return Ok(());
    }
    let mut names: Vec<(&str, &str)> = forms.iter().map(|one| (&*one.id, &*one.name)).collect();
    names.dedup();
    let what = format!("form of the attribute {}", named(definition, attribute));
    Err(unknown(definition, &what, form, names.into_iter()))
}

fn named(definition: &Definition, attribute: &str) -> String {
    let is = |one: &&AttributeObject| one.id.eq_ignore_ascii_case(attribute);
    match definition.attributes().find(is) {
        Some(found) => format!("{:?} ({attribute})", found.name),
        None => attribute.to_owned(),
    }
}

fn unknown<'a>(
    definition: &Definition,
    what: &str,
    id: &str,
    names: impl Iterator<Item = (&'a str, &'a str)>,
) -> mstr_rest_core::Error {
    let names: Vec<_> = names.take(20).collect();
    let is_name = names.iter().any(|(_, name)| name.eq_ignore_ascii_case(id));
    let names: Vec<_> = names.iter().map(|(id, name)| format!("{name} ({id})")).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let hint = if is_name { "; resolve() takes names" } else { "" };
    let owner = &definition.name;
    invalid(format!("{owner:?} has no {what} with the id {id:?}: it has {names}{hint}"))
}
