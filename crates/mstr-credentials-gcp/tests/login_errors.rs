//! Errors of logins: they say what happened, and quote no reply, no file and no program.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, reason = "a test")]

mod stub;

use std::{fs, path::PathBuf};

use mstr_cloud_stub::{Reply, Responder, leak};
use mstr_credentials::{Credential, VaultErrorKind as Kind};
use mstr_credentials_gcp::secret_manager;
use serde_json::{Value, json};
use tempfile::TempDir;

const CANARY: &str = "cAnArY-7f3a91d2";
const IMPERSONATED: &str = "/v1/projects/-/serviceAccounts/me:generateAccessToken";

struct Logins {
    folder: TempDir,
    server: Responder,
}

impl Logins {
    /// Subject tokens are good, unless the path says what is wrong with them.
    fn new(sts: Reply) -> Self {
        let server = Responder::start(move |request| match request.path.split('?').next() {
            Some("/subject/refused") => Reply::json(403, CANARY),
            Some("/subject/other-field") => Reply::json(200, json!({"other": CANARY}).to_string()),
            Some("/subject/no-json") => Reply::json(200, CANARY),
            Some("/subject") => Reply::json(200, json!({"id_token": CANARY}).to_string()),
            Some(IMPERSONATED | "/sts" | "/token") => sts.clone(),
            _ => Reply::status(404),
        });
        Self { folder: tempfile::tempdir().unwrap(), server }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}?code={CANARY}", self.server.url())
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn federated(&self, source: &Value) -> Value {
        json!({"type": "external_account", "audience": "a",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": self.url("/sts"), "credential_source": source})
    }

    fn user(&self) -> Value {
        json!({"type": "authorized_user", "client_id": "c", "client_secret": CANARY,
            "refresh_token": CANARY, "token_uri": self.url("/token")})
    }

    /// The kind and the message, after a look for the canary.
    async fn fails(&self, login: &Value) -> (Kind, String) {
        let path = self.file("login.json", &login.to_string());
        let url = self.server.url();
        let secret = secret_manager("p", "s").endpoint(url).credentials_file(path);
        let error = Credential::from(secret).resolve().await.unwrap_err();
        let printed = leak::printed(&error);
        assert_eq!(leak::find(CANARY, &printed), None, "{printed}");
        let why = error.vault_error().unwrap();
        (why.kind(), why.message().to_owned())
    }
}

#[tokio::test]
async fn subject_tokens_are_not_quoted() {
    let logins = Logins::new(Reply::status(500));
    let format = json!({"type": "json", "subject_token_field_name": "id_token"});
    let file = logins.file("subject.json", &json!({"other": CANARY}).to_string());
    for (source, says) in [
        (
            json!({"url": logins.url("/subject/other-field"), "format": format}),
            "failed to read subject token field `id_token` as string",
        ),
        (
            json!({"file": file, "format": format}),
            "failed to read subject token field `id_token` as string",
        ),
        (
            json!({"url": logins.url("/subject/refused")}),
            "failed to request subject token: a reply with status 403",
        ),
        (json!({"url": logins.url("/subject/no-json"), "format": format}), "cannot be read"),
        (json!({"file": "/nonexistent/subject"}), "No such file"),
    ] {
        let (kind, said) = logins.fails(&logins.federated(&source)).await;
        assert_eq!(kind, Kind::NoCredentials, "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn replies_of_token_endpoints_are_not_quoted() {
    let refused = json!({"error": "invalid_grant", "error_description": CANARY}).to_string();
    let denied = json!({"error": {"status": "PERMISSION_DENIED", "message": CANARY}}).to_string();
    for (reply, says) in [
        (Reply::json(400, refused), "a reply with status 400"),
        (Reply::json(403, denied), "a reply with status 403"),
        (Reply::json(401, format!("<html>{CANARY}")), "a reply with status 401"),
        (Reply::json(200, json!({"access_token": [CANARY]}).to_string()), "cannot be read"),
        (Reply::json(200, format!("{{\"access_token\":\"{CANARY}\"")), "cannot be read"),
    ] {
        let logins = Logins::new(reply);
        let source = json!({"url": logins.url("/subject")});
        let impersonated = json!({"type": "impersonated_service_account",
            "source_credentials": logins.user(),
            "service_account_impersonation_url": format!("{}{IMPERSONATED}", logins.server.url())});
        for login in [logins.federated(&source), logins.user(), impersonated] {
            let (kind, said) = logins.fails(&login).await;
            assert_eq!(kind, Kind::NoCredentials, "{said}");
            assert!(said.contains(says), "{said}");
        }
    }
}

#[tokio::test]
async fn codes_of_token_endpoints_are_told() {
    let refused = json!({"error": "invalid_grant", "error_description": CANARY}).to_string();
    let logins = Logins::new(Reply::json(400, refused));
    let (_, said) = logins.fails(&logins.user()).await;
    assert!(said.contains("(invalid_grant)"), "{said}");
}
