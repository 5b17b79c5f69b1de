//! HTTP/2: prior knowledge, and a stream that the server refuses.

use mstr_rest_core::ErrorKind;
use mstr_sim::{LibraryServer, Method, Version};

use crate::support::{auth, builder};

#[tokio::test]
async fn prior_knowledge_uses_http2_without_negotiation() {
    let server = LibraryServer::builder().tls().start().await.unwrap();
    let builder = builder(&server).root_certificates_pem(server.ca_pem().unwrap());
    let session = builder.http2_prior_knowledge(true).connect().await.unwrap();
    session.get("sessions").await.unwrap();
    let sent = server.requests(Method::GET, "/sessions").pop().unwrap();
    assert_eq!(sent.version(), Version::HTTP_2);
    session.close().await.unwrap();
}

/// A load balancer refuses the stream of a request whose node broke off after it had done the work.
#[tokio::test]
async fn refused_stream_is_not_retried_without_a_retry_policy() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api", listener.local_addr().unwrap());
    let executed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&executed);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    count.fetch_add(1, Ordering::SeqCst);
                    respond.send_reset(h2::Reason::REFUSED_STREAM);
                }
            });
        }
    });
    let session = mstr_rest_core::Session::builder(base)
        .environment_proxies(false)
        .http2_prior_knowledge(true)
        .build()
        .unwrap();
    for sent in [1, 2] {
        let error = session.post("rows").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{error:?}");
        assert_eq!((executed.load(Ordering::SeqCst), error.attempts()), (sent, 1));
    }
    let error = session.login(auth()).await.unwrap_err();
    assert_eq!((error.kind(), executed.load(Ordering::SeqCst)), (ErrorKind::Transport, 3));
}
