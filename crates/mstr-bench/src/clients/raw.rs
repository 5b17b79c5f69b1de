//! reqwest with its own cookie jar, used directly: what one would write without us.

use reqwest::Client;

use super::{KILOBYTE, Project, Request, check};
use crate::Result;
use crate::options::Options;

/// The header of the session's token.
pub(crate) const TOKEN: &str = "X-MSTR-AuthToken";

/// A client that is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    client: Client,
    projects: String,
    kilobyte: String,
    token: String,
}

impl Raw {
    pub(crate) async fn connect(options: &Options) -> Result<Self> {
        let mut builder = Client::builder().cookie_store(true).no_proxy().http1_only();
        if let Some(pem) = &options.ca {
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem)?);
        }
        let client = builder.build()?;
        let login = serde_json::json!({
            "loginMode": 1, "username": options.user, "password": options.password,
        });
        let reply = client
            .post(format!("{}auth/login", options.base_url))
            .header("content-type", "application/json")
            .body(login.to_string())
            .send()
            .await?
            .error_for_status()?;
        let token = reply.headers().get(TOKEN).ok_or("no token")?.to_str()?.to_owned();
        Ok(Self {
            client,
            projects: format!("{}projects", options.base_url),
            kilobyte: format!("{}{KILOBYTE}", options.base_url),
            token,
        })
    }

    pub(crate) async fn send(&self, request: Request) -> Result {
        let url = match request {
            Request::Projects => &self.projects,
            Request::Kilobyte => &self.kilobyte,
        };
        let reply = self.client.get(url).header(TOKEN, &self.token).send().await?;
        let body = reply.error_for_status()?.bytes().await?;
        match request {
            Request::Projects => check(serde_json::from_slice::<Vec<Project>>(&body)?.len()),
            Request::Kilobyte => check(body.len()),
        }
    }

    /// Ends all sessions at the server.
    pub(crate) async fn expire_all(&self, base_url: &str) -> Result {
        let origin = base_url.split("/MicroStrategyLibrary").next().unwrap_or_default();
        let reply = self.client.post(format!("{origin}/__sim__/expire")).send().await?;
        reply.error_for_status()?;
        Ok(())
    }
}
