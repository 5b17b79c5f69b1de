//! What a server does: the stub, or the real one that `MSTR_OPENBAO_ADDR`, `MSTR_OPENBAO_TOKEN` and
//! `MSTR_OPENBAO_CA` name (`cargo xtask nightly --only openbao`). Each test has paths of its own.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod stub;

use std::env;

use mstr_credentials::{Credential, CredentialError, SecretProvider as _, VaultErrorKind as Kind};
use mstr_credentials_vault::{VaultSecret, kv};
use serde_json::{Value, json};
use stub::{ROOT, Stub};

struct Server {
    address: String,
    token: String,
    ca: Option<String>,
    _stub: Option<Stub>,
}

impl Server {
    fn new() -> Self {
        match env::var("MSTR_OPENBAO_ADDR") {
            Ok(address) => Self {
                address,
                token: env::var("MSTR_OPENBAO_TOKEN").unwrap(),
                ca: Some(env::var("MSTR_OPENBAO_CA").unwrap()),
                _stub: None,
            },
            Err(_) => {
                let stub = Stub::start();
                let (address, token) = (stub.server.url(), ROOT.to_owned());
                Self { address, token, ca: None, _stub: Some(stub) }
            }
        }
    }

    /// What an administrator does.
    async fn admin(&self, method: &str, namespace: &str, path: &str, body: Value) -> Value {
        let client = reqwest::Client::builder().no_proxy();
        let client = match &self.ca {
            Some(ca) => {
                let ca = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
                client.tls_certs_only([ca])
            }
            None => client,
        };
        let request = client
            .build()
            .unwrap()
            .request(method.parse().unwrap(), format!("{}/v1/{path}", self.address));
        let mut request = request
            .header("X-Vault-Token", &self.token)
            .header("X-Vault-Request", "true")
            .body(body.to_string());
        if !namespace.is_empty() {
            request = request.header("X-Vault-Namespace", namespace);
        }
        let reply = request.send().await.unwrap();
        let (status, body) = (reply.status(), reply.bytes().await.unwrap());
        assert!(
            status.is_success(),
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).unwrap_or_default()
    }

    async fn put(&self, path: &str, data: Value) {
        self.admin("POST", "", &format!("secret/data/{path}"), json!({"data": data})).await;
    }

    fn secret(&self, path: &str) -> VaultSecret {
        let secret = kv("secret", path).address(&self.address).token(&self.token);
        match &self.ca {
            Some(ca) => secret.ca_file(ca),
            None => secret,
        }
    }

    /// A role that may read `secret/data/allowed/*`, and its ids.
    async fn role(&self, name: &str, uses: u64) -> (String, String) {
        let policy = r#"path "secret/data/allowed/*" { capabilities = ["read"] }"#;
        self.admin("POST", "", "sys/policies/acl/allowed", json!({"policy": policy})).await;
        let role = format!("auth/approle/role/{name}");
        let uses = json!({"token_policies": ["allowed"], "token_num_uses": uses});
        self.admin("POST", "", &role, uses).await;
        let id = self.admin("GET", "", &format!("{role}/role-id"), json!({})).await;
        let secret = self.admin("POST", "", &format!("{role}/secret-id"), json!({})).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&id["data"]["role_id"]), text(&secret["data"]["secret_id"]))
    }
}

async fn text(credential: impl Into<Credential>) -> String {
    credential.into().resolve().await.unwrap().expose_secret().to_owned()
}

async fn fetched(secret: &VaultSecret) -> Result<String, CredentialError> {
    secret.invalidate();
    let password = Credential::from(secret.field("password"));
    password.resolve().await.map(|secret| secret.expose_secret().to_owned())
}

async fn fails(secret: &VaultSecret) -> (Kind, String) {
    let error = fetched(secret).await.unwrap_err();
    let why = error.vault_error().unwrap_or_else(|| panic!("{error:?}"));
    (why.kind(), why.to_string())
}

#[tokio::test]
async fn values_and_versions() {
    let server = Server::new();
    server.put("values/mstr", json!({"username": "dave", "password": "p1"})).await;
    let value = json!({"username": "lena", "password": "ünï \" \u{1f511} \n", "port": 8443});
    server.put("values/mstr", value).await;
    let secret = server.secret("values/mstr");
    assert_eq!(text(secret.field("username")).await, "lena");
    assert_eq!(text(secret.field("password")).await, "ünï \" \u{1f511} \n");
    assert_eq!(text(secret.field("port")).await, "8443");
    assert!(text(secret.clone()).await.starts_with('{'));
    assert_eq!(fetched(&secret.clone().version(1)).await.unwrap(), "p1");
    assert_eq!(fails(&secret.version(9)).await, (Kind::NotFound, "404".to_owned()));
    assert_eq!(fails(&server.secret("values/absent")).await.0, Kind::NotFound);
}

#[tokio::test]
async fn a_rotation_counts_at_the_next_login() {
    let server = Server::new();
    server.put("rotation/my login", json!({"password": "p1"})).await;
    let secret = server.secret("rotation/my login");
    assert_eq!(fetched(&secret).await.unwrap(), "p1");
    server.put("rotation/my login", json!({"password": "p2"})).await;
    assert_eq!(text(secret.field("password")).await, "p1");
    assert_eq!(fetched(&secret).await.unwrap(), "p2");
}

#[tokio::test]
async fn versions_that_are_gone() {
    let server = Server::new();
    server.put("gone/deleted", json!({"password": "p1"})).await;
    server.put("gone/destroyed", json!({"password": "p1"})).await;
    let secret = server.secret("gone/deleted");
    assert_eq!(fetched(&secret).await.unwrap(), "p1");
    server.admin("DELETE", "", "secret/data/gone/deleted", json!({})).await;
    let versions = json!({"versions": [1]});
    server.admin("POST", "", "secret/destroy/gone/destroyed", versions).await;
    // the earlier value does not serve
    assert_eq!(fails(&secret).await, (Kind::NotFound, "404: this version is deleted".to_owned()));
    let destroyed = fails(&server.secret("gone/destroyed")).await;
    assert_eq!(destroyed, (Kind::NotFound, "404: this version is destroyed".to_owned()));
}

#[tokio::test]
async fn logins_by_app_role() {
    let server = Server::new();
    server.admin("POST", "", "sys/auth/approle", json!({"type": "approle"})).await;
    server.put("allowed/mstr", json!({"password": "p1"})).await;
    server.put("forbidden/mstr", json!({"password": "p1"})).await;
    // each token reads once: the second fetch logs in again
    let (role_id, secret_id) = server.role("once", 1).await;
    let allowed = server.secret("allowed/mstr").app_role(&role_id, &secret_id);
    for _ in 0..3 {
        assert_eq!(fetched(&allowed).await.unwrap(), "p1");
    }
    let forbidden = server.secret("forbidden/mstr").app_role(&role_id, &secret_id);
    let (kind, said) = fails(&forbidden).await;
    assert_eq!(kind, Kind::Denied);
    assert!(said.starts_with("403: permission denied"), "{said}");

    let wrong = server.secret("allowed/mstr").app_role(&role_id, "no-such-secret-id");
    let (kind, said) = fails(&wrong).await;
    assert_eq!(kind, Kind::Denied);
    assert!(said.starts_with("400: login at auth/approle: invalid role or secret"), "{said}");
    let nowhere = wrong.auth_mount("nowhere");
    let (kind, said) = fails(&nowhere).await;
    assert!(matches!(kind, Kind::NoCredentials | Kind::Denied), "{said}");
    assert!(said.contains("login at auth/nowhere: "), "{said}");
}

#[tokio::test]
async fn tokens_that_are_none() {
    let server = Server::new();
    server.put("token/mstr", json!({"password": "p1"})).await;
    let secret = server.secret("token/mstr").token("hvs.cAnArYwRoNg");
    let (kind, said) = fails(&secret).await;
    assert_eq!(kind, Kind::Denied);
    assert!(said.starts_with("403: permission denied"), "{said}");
    assert!(!format!("{:?}", secret.secret().await).contains("cAnArY"));
}

#[tokio::test]
async fn namespaces_and_mounts() {
    let server = Server::new();
    server.admin("POST", "", "sys/namespaces/team", json!({})).await;
    let engine = json!({"type": "kv", "options": {"version": "2"}});
    server.admin("POST", "team", "sys/mounts/apps/kv", engine).await;
    let data = json!({"data": {"password": "p1"}});
    server.admin("POST", "team", "apps/kv/data/mstr", data).await;
    let secret = kv("apps/kv", "mstr").address(&server.address).token(&server.token);
    let secret = match &server.ca {
        Some(ca) => secret.ca_file(ca),
        None => secret,
    };
    assert_eq!(fetched(&secret.clone().namespace("team/")).await.unwrap(), "p1");
    assert_eq!(fails(&secret).await.0, Kind::NotFound);
}
