//! A report that asks, as the vendor documents the replies.
#![allow(dead_code, reason = "not every test needs all of it")]

use mstr_rest_api::{GridRequest, Instance, InstanceStatus, NamedAnswers, ReportsExt};
use mstr_rest_core::{ErrorKind, Result};
use serde_json::{Value, json};

use super::canned::{Answer, Asked, Canned, grid, refused, window};

pub(crate) const ATTRIBUTE: &str = "11111111111111111111111111111111";

/// A report that asks these prompts, once, and offers these elements and objects.
#[derive(Clone, Default)]
pub(crate) struct Asks {
    pub(crate) prompts: Vec<Value>,
    pub(crate) elements: Vec<Value>,
    pub(crate) objects: Vec<Value>,
    /// Whether lists come in objects.
    pub(crate) wrapped: bool,
    pub(crate) total: bool,
    pub(crate) search: Search,
}

/// How the server takes `searchPattern`.
#[derive(Clone, Copy, Default)]
pub(crate) enum Search {
    #[default]
    Contains,
    Ignored,
    Refused,
    /// It finds nothing at all.
    Blind,
}

impl Asks {
    pub(crate) fn one(prompt: Value) -> Self {
        Self { prompts: vec![prompt], total: true, ..Self::default() }
    }

    pub(crate) fn start(self) -> Canned {
        let answered = std::sync::atomic::AtomicBool::new(false);
        Canned::start(move |asked| {
            let is_open = !answered.load(std::sync::atomic::Ordering::SeqCst);
            let status = if is_open { 2 } else { 1 };
            match asked.path.rsplit('/').next().unwrap_or_default() {
                "instances" => (200, None, json!({ "instanceId": "I", "status": 2 })),
                "status" => (200, None, json!({ "id": "A", "status": status })),
                "prompts" => (200, None, json!(self.prompts)),
                "elements" => self.offer(asked, &self.elements, "elements"),
                "objects" => self.offer(asked, &self.objects, "objects"),
                "answers" => {
                    answered.store(true, std::sync::atomic::Ordering::SeqCst);
                    (204, None, Value::Null)
                }
                _ => (200, None, grid()),
            }
        })
    }

    fn offer(&self, asked: &Asked, list: &[Value], name: &str) -> Answer {
        if asked.number("limit").unwrap_or(100) > 200 {
            return refused("The limit is at most 200.");
        }
        let list: Vec<Value> = match (asked.query("searchPattern"), self.search) {
            (None, _) | (_, Search::Ignored) => list.to_vec(),
            (_, Search::Refused) => return refused("The search pattern is not valid."),
            (_, Search::Blind) => Vec::new(),
            (Some(pattern), Search::Contains) => {
                let fits = |one: &&Value| one.to_string().contains(pattern);
                list.iter().filter(fits).cloned().collect()
            }
        };
        let page = window(asked, &list, 200);
        let body = if self.wrapped { json!({ name: page }) } else { json!(page) };
        (200, self.total.then_some(list.len()), body)
    }
}

pub(crate) fn shop() -> Value {
    json!({
        "id": "E1", "key": "E1@0@10", "name": "Shop", "title": "Which shop?", "type": "ELEMENTS",
        "required": true, "closed": false,
        "source": { "id": ATTRIBUTE, "name": "Shop", "type": 12 },
    })
}

/// So many shops, by name or with the values of their forms.
pub(crate) fn shops(number: usize, named: bool) -> Vec<Value> {
    let shop = |at: usize| {
        if named {
            return json!({ "id": format!("h{at};{ATTRIBUTE}"), "name": format!("Shop {at}") });
        }
        let forms = [at.to_string(), format!("Shop {at}")];
        json!({ "id": format!("{ATTRIBUTE}:{at}"), "formValues": forms })
    };
    (0..number).map(shop).collect()
}

pub(crate) async fn run(server: &Canned) -> Instance {
    let session = server.session().await;
    session.reports().report("A").run(GridRequest::designed()).await.unwrap()
}

/// Answers by name, and gives what was sent.
pub(crate) async fn sent(asks: Asks, answers: NamedAnswers) -> Result<Value> {
    let server = asks.start();
    let instance = run(&server).await;
    instance.answer_named(&answers).await?;
    assert_eq!(instance.last_status(), InstanceStatus::Ready);
    let mut sent = server.asked("PUT", "/prompts/answers");
    assert_eq!(sent.len(), 1);
    Ok(sent.remove(0).body["prompts"].clone())
}

pub(crate) async fn refusal(asks: Asks, answers: NamedAnswers) -> String {
    let server = asks.start();
    let error = run(&server).await.answer_named(&answers).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None), "{error}");
    assert_eq!(server.asked("PUT", "/prompts/answers").len(), 0, "nothing is sent");
    error.message().to_owned()
}
