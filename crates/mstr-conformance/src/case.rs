//! The format of the cases. What it does not name is an error of the case.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::azure_gcp::Payload;
use crate::clouds::{AwsSecret, Field, Group, Single};

/// A file of cases. A case that does not parse fails alone.
#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) conventions: Option<Conventions>,
    pub(crate) cases: Vec<Value>,
}

/// What the runner reads of the conventions; the rest is for people.
#[derive(Deserialize)]
pub(crate) struct Conventions {
    /// The closed list of cases that may fail, and why.
    #[serde(default)]
    pub(crate) deviations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(rename = "id")]
    pub(crate) _id: String,
    #[serde(rename = "area")]
    pub(crate) _area: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) given: Given,
    pub(crate) when: Vec<Step>,
    pub(crate) then: Value,
    #[serde(rename = "status")]
    pub(crate) _status: String,
    #[serde(rename = "better")]
    pub(crate) _better: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    #[serde(default)]
    pub(crate) session: Options,
    #[serde(default)]
    pub(crate) preset: Preset,
    #[serde(default)]
    pub(crate) replies: Vec<Rule>,
    pub(crate) projects: Option<Value>,
    #[serde(default)]
    pub(crate) enforce_tokens: bool,
    #[serde(default)]
    pub(crate) slow: BTreeMap<String, f64>,
    #[serde(default)]
    pub(crate) backend: Backend,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    pub(crate) kind: Kind,
    pub(crate) base_url: Option<Text>,
    pub(crate) username: Option<Text>,
    pub(crate) password: Option<Text>,
    pub(crate) api_key: Option<Text>,
    pub(crate) identity_token: Option<Text>,
    pub(crate) application_type: Option<i64>,
    pub(crate) relogin: bool,
    pub(crate) keepalive_interval: Option<f64>,
    pub(crate) retries: Option<u32>,
    pub(crate) backoff_factor: Option<f64>,
    pub(crate) raise_on_http_error: bool,
    pub(crate) follow_redirects: Option<bool>,
    pub(crate) supplied_client: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    #[default]
    Plain,
    Authenticated,
}

/// A text, or a provider that gives these one after the other (the last one for ever).
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Literal(String),
    Provider(Provider),
    Vault(Field),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provider {
    pub(crate) provider: Vec<Option<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preset {
    pub(crate) token: Option<String>,
    /// A snapshot in the form of the Python packages.
    pub(crate) restore: Option<Value>,
}

/// Where secrets are.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Backend {
    pub(crate) env: BTreeMap<String, Option<String>>,
    pub(crate) aws_secrets: BTreeMap<String, AwsSecret>,
    pub(crate) aws_parameters: BTreeMap<String, String>,
    /// By `VAULT|NAME`.
    pub(crate) azure: BTreeMap<String, Option<String>>,
    /// By version.
    pub(crate) gcp: BTreeMap<String, Payload>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    #[serde(rename = "match")]
    pub(crate) matches: Match,
    pub(crate) reply: Reply,
    pub(crate) times: Option<u32>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    pub(crate) url: String,
    pub(crate) method: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) headers_list: Vec<(String, String)>,
    #[serde(default, deserialize_with = "present")]
    pub(crate) json: Option<Value>,
    pub(crate) body: Option<String>,
    pub(crate) transport_error: Option<TransportError>,
    pub(crate) side_effect: Option<SideEffect>,
}

/// `"json": null` is a body; no `json` is none.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TransportError {
    /// The connection is refused.
    Connect,
    /// Nothing is answered until the client gives up.
    #[serde(alias = "timeout")]
    ReadTimeout,
    /// The connection is closed instead of a reply.
    #[serde(alias = "read_error")]
    Read,
    /// A connection does not come about until the client gives up.
    ConnectTimeout,
}

impl TransportError {
    /// Whether the server never sees the request.
    pub(crate) fn before_request(self) -> bool {
        matches!(self, Self::Connect | Self::ConnectTimeout)
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SideEffect {
    pub(crate) set_token: String,
}

/// The provider of a `resolve` step.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Source {
    Env(Env),
    Vault(Single),
}

/// A variable.
#[derive(Clone, Deserialize, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Env {
    Env { name: String, default: Option<String>, key: Option<String> },
}

#[derive(Clone, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Step {
    Request(Request),
    Verb {
        method: String,
        url: String,
    },
    Login(Login),
    Delegate {
        identity_token: Text,
    },
    Logout {},
    Enter {},
    Exit {
        body_error: Option<String>,
    },
    HasSession {},
    DestroyAuthToken {},
    BaseUrl {},
    CreateIdentityToken {},
    ExtendSession {},
    GetSessionInfo {},
    GetUserinfo {},
    GetProjects {},
    LoadProjects {},
    GetProjectId {
        name: String,
    },
    ResolveProjectId {
        name: String,
    },
    ExpireSessions {},
    ServerProjects {
        projects: Value,
    },
    ProviderCalls {},
    Sleep {
        seconds: f64,
    },
    WaitFor {
        count: BTreeMap<String, usize>,
        timeout: f64,
    },
    Parallel {
        count: usize,
        step: Box<Self>,
    },
    Staggered {
        gap: f64,
        steps: Vec<Self>,
    },
    Origin {
        url: String,
    },
    CookieDomain {
        url: String,
    },
    IsAuthUrl {
        url: String,
    },
    RedactUrl {
        url: String,
    },
    RetryDelay {
        attempt: u32,
        backoff_factor: f64,
        retry_after: Option<String>,
    },
    Resolve {
        provider: Source,
    },
    ResolveSame {
        provider: Single,
        times: usize,
    },
    ResolveFields {
        group: Group,
        fields: Vec<String>,
    },
    MakeField {
        group: Group,
        field: String,
    },
    SetBackend {
        backend: Backend,
    },
    SetEnv {
        name: String,
        value: Option<String>,
    },
    Defaults {},
    /// Of a snapshot in the form of the Python packages, as an object or as text.
    Restore {
        data: Option<Value>,
        text: Option<String>,
    },
    Save {},
    /// Without data, of what was saved before.
    NewFrom {
        data: Option<Value>,
        options: Option<Box<Options>>,
    },
    SetBaseUrl {
        #[serde(rename = "value")]
        _value: Text,
    },
    SecondSessionSameClient {
        base_url: String,
    },
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) project: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) include_auth: Option<bool>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) stream_body: Option<String>,
    #[serde(default)]
    pub(crate) check_headers_unchanged: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    pub(crate) username: Option<Text>,
    pub(crate) password: Option<Text>,
    pub(crate) api_key: Option<Text>,
    pub(crate) identity_token: Option<Text>,
    pub(crate) application_type: Option<i64>,
}
