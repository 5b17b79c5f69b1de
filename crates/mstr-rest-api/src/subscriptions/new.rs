//! Subscriptions to be made.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// How something is delivered.
///
/// ```
/// use mstr_rest_api::Delivery;
/// use serde_json::json;
///
/// let mail = Delivery::email("Sales of the week").format("EXCEL");
/// let file = Delivery::new("FILE").with("file", json!({"filename": "sales"}));
/// # let _ = (mail, file);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[must_use = "a delivery is part of a new subscription"]
pub struct Delivery {
    mode: String,
    #[serde(flatten)]
    more: Map<String, Value>,
    #[serde(skip)]
    format: Option<String>,
}

impl Delivery {
    /// Any way that the server knows: `EMAIL`, `FILE`, `PRINTER`, `HISTORY_LIST`, `CACHE` ...
    pub fn new(mode: impl Into<String>) -> Self {
        Self { mode: mode.into(), more: Map::new(), format: None }
    }

    /// By email with that subject, with the content as data and attachment. Its
    /// [`format`](Self::format) is `PDF` unless set.
    pub fn email(subject: impl Into<String>) -> Self {
        let email = json!({ "subject": subject.into(), "sendContentAs": "data_and_history_list" });
        Self::new("EMAIL").with("email", email).format("PDF")
    }

    /// Into the history list of the recipient.
    pub fn history_list() -> Self {
        Self::new("HISTORY_LIST").with("historyList", json!({}))
    }

    /// A further member of the delivery, as the server has it.
    pub fn with(mut self, member: impl Into<String>, value: Value) -> Self {
        self.more.insert(member.into(), value);
        self
    }

    /// The format of the contents: `PDF`, `EXCEL`, `CSV`, `HTML`, `PLAIN_TEXT`.
    pub fn format(mut self, format: impl Into<String>) -> Self {
        self.format = Some(format.into());
        self
    }
}

/// A subscription to be made.
///
/// ```
/// use mstr_rest_api::{Delivery, NewSubscription};
///
/// let new = NewSubscription::new("Sales, every morning", Delivery::email("Sales"))
///     .schedule("FF7BB3C811D501F0C00051916B98494F")
///     .dashboard("335FFA9645F5E7B2C0E1F3A5D4B6C8E0")
///     .to_group("C82C6B1011D2894CC0009D9F29718E4F")
///     .send_now(true);
/// # let _ = new;
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use = "a new subscription is not made until it is created"]
pub struct NewSubscription {
    name: String,
    schedules: Vec<Id>,
    contents: Vec<Value>,
    recipients: Vec<Value>,
    delivery: Delivery,
    send_now: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Id {
    id: String,
}

impl NewSubscription {
    /// A subscription without schedule, contents and recipients.
    pub fn new(name: impl Into<String>, delivery: Delivery) -> Self {
        Self {
            name: name.into(),
            schedules: Vec::new(),
            contents: Vec::new(),
            recipients: Vec::new(),
            delivery,
            send_now: false,
        }
    }

    /// When: the id of a schedule. Several are possible.
    pub fn schedule(mut self, id: impl Into<String>) -> Self {
        self.schedules.push(Id { id: id.into() });
        self
    }

    /// What: a report, by id.
    pub fn report(self, id: impl AsRef<str>) -> Self {
        self.content(id, "report")
    }

    /// What: a document, by id.
    pub fn document(self, id: impl AsRef<str>) -> Self {
        self.content(id, "document")
    }

    /// What: a dashboard, by id.
    pub fn dashboard(self, id: impl AsRef<str>) -> Self {
        self.content(id, "dossier")
    }

    /// What: a cube, by id.
    pub fn cube(self, id: impl AsRef<str>) -> Self {
        self.content(id, "cube")
    }

    fn content(mut self, id: impl AsRef<str>, kind: &str) -> Self {
        let mut content = json!({ "id": id.as_ref(), "type": kind });
        if let Some(format) = &self.delivery.format {
            content["personalization"] = json!({ "formatType": format });
        }
        self.contents.push(content);
        self
    }

    /// To whom: a user, by id.
    pub fn to(self, user: impl AsRef<str>) -> Self {
        self.recipient(user, "user")
    }

    /// To whom: the members of a group, by id.
    pub fn to_group(self, group: impl AsRef<str>) -> Self {
        self.recipient(group, "user_group")
    }

    fn recipient(mut self, id: impl AsRef<str>, kind: &str) -> Self {
        let recipient = json!({ "id": id.as_ref(), "type": kind, "includeType": "TO" });
        self.recipients.push(recipient);
        self
    }

    /// Whether it is delivered once at once.
    pub fn send_now(mut self, yes: bool) -> Self {
        self.send_now = yes;
        self
    }

    /// The name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it lacks.
    pub(super) fn missing(&self) -> Option<&'static str> {
        if self.name.is_empty() {
            Some("a name")
        } else if self.contents.is_empty() {
            Some("something to deliver")
        } else if self.recipients.is_empty() {
            Some("somebody to deliver it to")
        } else if self.schedules.is_empty() && !self.send_now {
            Some("a schedule, or to be sent now")
        } else {
            None
        }
    }
}
