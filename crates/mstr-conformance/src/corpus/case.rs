//! The format of a case of the corpus. A member that it does not name is an error of the case.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One file of `replies/`: what the server replies, how the data is asked for, what is right.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The shape, in one sentence.
    pub(crate) what: String,
    /// What kind of source shows it.
    pub(crate) source: Source,
    /// Why it fails today. Such a case fails the run when it passes.
    pub(crate) known: Option<String>,
    /// A reply with a grid, all rows in it: the server cuts it by `offset` and `limit`.
    pub(crate) report: Option<Value>,
    pub(crate) cube: Option<Value>,
    /// The grid of visualization `K1` in chapter `C1` of dashboard `DA..` (32 digits).
    pub(crate) visualization: Option<Value>,
    /// The definition of the report or cube. Without it, it is made from the grid.
    pub(crate) definition: Option<Value>,
    /// Further pages of page-by.
    pub(crate) page_by: Option<PageBy>,
    /// What the report asks before it runs.
    #[serde(default)]
    pub(crate) prompts: Vec<Value>,
    /// Replies as they are: looked at before everything else, in order.
    #[serde(default)]
    pub(crate) routes: Vec<Route>,
    /// The certificate of the server.
    pub(crate) tls: Option<Certificate>,
    pub(crate) asks: Vec<Ask>,
}

#[derive(Clone, Copy, Deserialize)]
pub(crate) enum Source {
    #[serde(rename = "vendor documentation")]
    Documentation,
    #[serde(rename = "recorded client")]
    Recorded,
    #[serde(rename = "public issue")]
    Issue,
    #[serde(rename = "field note")]
    FieldNote,
    /// No source shows this very reply: it follows from one of the others.
    #[serde(rename = "derived")]
    Derived,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Certificate {
    /// Signed by its own key and marked as a CA, as `openssl req -x509` makes it.
    SelfSigned,
    /// Of a private CA that names no key usage.
    CaWithoutKeyUsage,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageBy {
    /// The reply of `pageBy/elements`. Its `items` are cut by `offset` and `limit`.
    pub(crate) elements: Value,
    /// For each item the members that differ from the first page, as a JSON merge patch.
    pub(crate) pages: Vec<Value>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    #[serde(default = "get")]
    pub(crate) method: String,
    /// Below `/api`; `*` stands for one segment.
    pub(crate) path: String,
    /// Parameters that the request must have.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// Members that the body must have.
    pub(crate) body: Option<Value>,
    /// How often it answers; then the next one is looked for.
    pub(crate) times: Option<u32>,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) reply: Option<Value>,
    pub(crate) text: Option<String>,
    /// A reply in windows.
    pub(crate) list: Option<List>,
    /// The grid of the case with these members changed (a JSON merge patch); cut by `offset` and
    /// `limit` unless they have a `paging` of their own.
    pub(crate) grid: Option<Value>,
    /// The connection ends without a reply.
    #[serde(default)]
    pub(crate) drop: bool,
}

/// A list that is replied in windows of `offset` and `limit`; `searchPattern` looks at names.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// The member that holds the list. Without it the reply is the list.
    pub(crate) member: Option<String>,
    pub(crate) items: Vec<Value>,
    /// So many copies of each item, with `{n}` counted from 0.
    pub(crate) copies: Option<u32>,
    /// The window of a request without `limit`.
    pub(crate) limit: Option<usize>,
    /// A longer window is refused (400 `ERR006`).
    pub(crate) most: Option<usize>,
    /// Whether the header `X-MSTR-Total-Count` tells the total.
    #[serde(default)]
    pub(crate) total: bool,
}

/// How the data is asked for, and what is right. With `export` it is both the library and the
/// command.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    pub(crate) export: Option<Export>,
    /// Arguments of `mstr`. `{url}`, `{ca_file}` and `{dir}` are replaced.
    pub(crate) command: Option<Vec<String>>,
    pub(crate) library: Option<Library>,
    /// Of an `export`: only the one of them.
    pub(crate) only: Option<Way>,
    /// Of an `export` by the library: how the table is had. Without it in every form.
    pub(crate) forms: Option<Vec<Form>>,
    pub(crate) right: Right,
    /// Requests that must have been sent.
    #[serde(default)]
    pub(crate) sent: Vec<Sent>,
    #[serde(default)]
    pub(crate) not_sent: Vec<Sent>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    Library,
    Command,
}

/// How a table is had from the library: as a stream of batches, or as a file that is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    Batches,
    Csv,
    JsonLines,
    Parquet,
}

impl Form {
    pub(crate) const ALL: [Self; 4] = [Self::Batches, Self::Csv, Self::JsonLines, Self::Parquet];
}

/// The options of `mstr export`, under their names.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Export {
    /// Instead of the id.
    pub(crate) name: Option<String>,
    pub(crate) as_designed: bool,
    pub(crate) page_size: Option<u64>,
    pub(crate) subtotals: bool,
    pub(crate) types: Option<String>,
    pub(crate) metric_type: BTreeMap<String, String>,
    pub(crate) attribute_type: BTreeMap<String, String>,
    pub(crate) columns: Vec<String>,
    pub(crate) filter: Vec<String>,
    pub(crate) prompt: Vec<String>,
    pub(crate) execution_timeout: Option<String>,
    pub(crate) format: Option<String>,
    /// A file instead of standard output.
    pub(crate) output: Option<String>,
}

/// A call of the library that is no export.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Library {
    /// Elements of the attribute of that id.
    AttributeElements(String),
    /// Elements that the prompt of that name offers.
    PromptElements(String),
    /// Objects that the prompt of that name offers.
    PromptObjects(String),
    /// Pages of page-by: the ids of their elements.
    PageBy(Empty),
    /// Attributes and metrics of the definition.
    Definition(Empty),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Empty {}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Right {
    /// The table as lines of CSV: numbers are compared as numbers, an empty cell is null.
    pub(crate) csv: Option<Vec<String>>,
    /// The table with types: a text is a text, a number a number, null is null.
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) rows: Option<Vec<Vec<Value>>>,
    /// Types of columns, as the library has them: `text`, `integer`, `float`, `decimal`, `date`,
    /// `timestamp`, `boolean`.
    pub(crate) types: BTreeMap<String, String>,
    /// What a call of the library gives.
    pub(crate) value: Option<Value>,
    pub(crate) fails: Option<Fails>,
    /// Texts that must be on standard output, and on standard error.
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
    /// Texts that must not be on either.
    pub(crate) never: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fails {
    /// Of the library's error.
    pub(crate) kind: Option<String>,
    /// The exit code of the command.
    pub(crate) exit: Option<i32>,
    /// Texts that the error must have.
    #[serde(default)]
    pub(crate) says: Vec<String>,
}

/// A request, as far as it matters.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// Members that the body has. A list has as many items.
    pub(crate) body: Option<Value>,
    /// How often; without it at least once.
    pub(crate) times: Option<usize>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

/// `"reply": null` is a body; no `reply` is none.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}
