//! hyper with its pool and nothing else: the floor. A fixed cookie line, no redirects, no limits.

use bytes::Bytes;
use http::{HeaderValue, Method, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::raw::TOKEN;
use super::{KILOBYTE, Project, Request, check};
use crate::Result;
use crate::options::Options;

/// A client that is logged in.
#[derive(Clone)]
pub(crate) struct Hyper {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    projects: Uri,
    kilobyte: Uri,
    token: HeaderValue,
    cookies: HeaderValue,
}

impl Hyper {
    pub(crate) async fn connect(options: &Options) -> Result<Self> {
        let client = Client::builder(TokioExecutor::new()).build(connector(options)?);
        let login = serde_json::json!({
            "loginMode": 1, "username": options.user, "password": options.password,
        });
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}auth/login", options.base_url))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(login.to_string()))?;
        let reply = client.request(request).await?;
        let token = reply.headers().get(TOKEN).ok_or("no token")?.clone();
        let set = reply.headers().get_all(header::SET_COOKIE).iter();
        let pairs: Vec<_> = set
            .filter_map(|line| line.to_str().ok()?.split(';').next())
            .map(str::to_owned)
            .collect();
        Ok(Self {
            client,
            projects: format!("{}projects", options.base_url).parse()?,
            kilobyte: format!("{}{KILOBYTE}", options.base_url).parse()?,
            token,
            cookies: HeaderValue::from_str(&pairs.join("; "))?,
        })
    }

    pub(crate) async fn send(&self, request: Request) -> Result {
        let uri = match request {
            Request::Projects => &self.projects,
            Request::Kilobyte => &self.kilobyte,
        };
        let sent = http::Request::builder()
            .uri(uri.clone())
            .header(TOKEN, self.token.clone())
            .header(header::COOKIE, self.cookies.clone())
            .body(Full::default())?;
        let reply = self.client.request(sent).await?;
        if !reply.status().is_success() {
            return Err(format!("status {}", reply.status()).into());
        }
        let body = reply.into_body().collect().await?.to_bytes();
        match request {
            Request::Projects => check(serde_json::from_slice::<Vec<Project>>(&body)?.len()),
            Request::Kilobyte => check(body.len()),
        }
    }
}

fn connector(options: &Options) -> Result<HttpsConnector<HttpConnector>> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(options.ca.as_deref().unwrap_or_default()) {
        roots.add(certificate?)?;
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.enforce_http(false);
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
    Ok(builder.https_or_http().enable_http1().wrap_connector(tcp))
}
