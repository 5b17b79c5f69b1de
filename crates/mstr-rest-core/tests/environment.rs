//! What the environment of the process decides: the root certificates of the platform, which are
//! read once per process, and proxies. Each test runs in a process of its own.
#![cfg(all(unix, not(target_vendor = "apple")))] // elsewhere no variable names the roots
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mstr_rest_core::{Auth, ErrorKind, RetryPolicy, Session, SessionBuilder};
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Fault, LibraryServer, Method};

const CHILD: &str = "MSTR_TEST_IS_CHILD";

/// Nothing listens there: a port that only root may use.
const CLOSED: &str = "http://user:canary@127.0.0.1:1";

/// A host that the proxy is not used for, and that does not exist.
const DIRECT: &str = "direct.invalid";

/// Runs the test of that name again as a process whose platform roots are in the file that `test`
/// gets, and whose proxy is [`CLOSED`]. The file does not exist yet.
fn in_a_process_of_its_own<F: Future<Output = ()>>(name: &str, test: impl FnOnce(PathBuf) -> F) {
    if std::env::var_os(CHILD).is_some() {
        let roots = std::env::var_os("SSL_CERT_FILE").unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(test(roots.into()));
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .env("ALL_PROXY", CLOSED)
        .env("NO_PROXY", DIRECT)
        .env_remove("HTTP_PROXY")
        .env_remove("HTTPS_PROXY")
        .env("SSL_CERT_FILE", folder.path().join("roots.pem"))
        .env("SSL_CERT_DIR", folder.path().join("nowhere"))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("1 passed"), "it ran: {printed}");
}

fn builder(server: &LibraryServer) -> SessionBuilder {
    Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
}

async fn tls() -> LibraryServer {
    LibraryServer::builder().tls().start().await.unwrap()
}

async fn works(builder: SessionBuilder) {
    builder.connect().await.unwrap().close().await.unwrap();
}

fn trust(roots: &Path, server: &LibraryServer) {
    std::fs::write(roots, server.ca_pem().unwrap()).unwrap();
}

#[test]
fn roots_are_read_by_the_first_https_request_and_once_per_process() {
    let name = "roots_are_read_by_the_first_https_request_and_once_per_process";
    in_a_process_of_its_own(name, async |roots| {
        let (server, other, http) =
            (tls().await, tls().await, LibraryServer::start().await.unwrap());
        let first = builder(&server).build().unwrap();
        works(builder(&http)).await;
        trust(&roots, &server);
        first.login(Auth::anonymous()).await.unwrap();
        first.logout().await.unwrap();

        std::fs::remove_file(&roots).unwrap();
        works(builder(&server)).await;
        // beside roots of one's own, and behind a redirect from http
        let ca = other.ca_pem().unwrap();
        works(builder(&server).root_certificates_pem(ca)).await;
        works(builder(&other).root_certificates_pem(ca)).await;
        let session = builder(&http).connect().await.unwrap();
        let to = format!("{}/MicroStrategyLibrary/api/status", server.origin());
        http.inject(Fault::redirect(302, &to).on(Method::GET, "/x"));
        assert!(session.get("x").await.unwrap().url().as_str().starts_with("https:"));
        session.close().await.unwrap();

        let only = builder(&server).root_certificates_pem(ca).only_these_roots(true);
        assert_eq!(only.connect().await.unwrap_err().kind(), ErrorKind::Connect);
    });
}

#[test]
fn without_roots_http_works_and_the_https_error_has_a_hint() {
    let name = "without_roots_http_works_and_the_https_error_has_a_hint";
    in_a_process_of_its_own(name, async |roots| {
        let (server, http) = (tls().await, LibraryServer::start().await.unwrap());
        works(builder(&http)).await;

        let policy = RetryPolicy::default().base_delay(Duration::from_millis(1));
        let session = builder(&server).retry(policy).build().unwrap();
        let error = session.login(Auth::anonymous()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Config, 1));
        assert!(!error.is_transient());
        let text = error.to_string();
        for way_out in ["root_certificates_pem", "ca-certificates", "SSL_CERT_FILE"] {
            assert!(text.contains(way_out), "{text}");
        }
        assert!(server.journal().is_empty());

        let redirected = builder(&http).connect().await.unwrap();
        http.inject(Fault::redirect(302, &server.origin()).on(Method::GET, "/x"));
        assert_eq!(redirected.get("x").await.unwrap_err().kind(), ErrorKind::Config);
        redirected.close().await.unwrap();

        // a proxy that is spoken to over TLS
        let proxied = Session::builder("http://library.example/MicroStrategyLibrary/api/")
            .proxy(server.origin());
        let error = proxied.clone().build().unwrap().get("x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let proxied = proxied.root_certificates_pem(server.ca_pem().unwrap());
        proxied.build().unwrap().get("status").await.unwrap();
        assert_eq!(server.count(Method::GET, "/status"), 1, "it reached the proxy");

        works(builder(&server).root_certificates_pem(server.ca_pem().unwrap())).await;
        works(builder(&server).danger_accept_invalid_certs(true)).await;

        // it is not remembered: what was mended counts
        trust(&roots, &server);
        session.login(Auth::anonymous()).await.unwrap();
        session.logout().await.unwrap();
    });
}

#[test]
fn a_failing_proxy_of_the_environment_is_named() {
    let name = "a_failing_proxy_of_the_environment_is_named";
    in_a_process_of_its_own(name, async |_| {
        let server = tls().await;
        let failure = async |builder: SessionBuilder| {
            // so that the roots of the platform do not matter, nor a slow name server
            let builder = builder.root_certificates_pem(server.ca_pem().unwrap());
            let builder = builder.connect_timeout(None);
            builder.build().unwrap().get("x").await.unwrap_err()
        };
        for scheme in ["http", "https"] {
            let proxied = Session::builder(format!("{scheme}://library.example/api/"));
            let error = failure(proxied).await;
            assert_eq!(
                error.to_string(),
                "cannot connect to the proxy http://127.0.0.1:1 of the environment: the \
                 connection was refused"
            );
            assert!(error.is_connect() && error.is_transient());
            assert!(!format!("{error:?}").contains("canary"));
            let direct = Session::builder(format!("{scheme}://{DIRECT}/api/"));
            for direct in [direct.clone(), direct.environment_proxies(false)] {
                let error = failure(direct).await;
                assert!(error.to_string().ends_with("cannot be resolved"), "{error}");
            }
        }
    });
}
