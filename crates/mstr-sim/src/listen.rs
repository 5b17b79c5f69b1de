//! The listener and its connections.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::pipeline;
use crate::sim::Sim;

#[cfg(feature = "tls")]
pub(crate) type Tls = tokio_rustls::TlsAcceptor;
/// Without the feature there is none.
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub(crate) enum Tls {}

/// One TCP connection, as requests see it.
pub(crate) struct Connection {
    number: u64,
    reset: AtomicBool,
    over: Notify,
}

impl Connection {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Ends the connection at once with a TCP reset.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
        self.over.notify_one();
    }
}

/// A stream that is closed by a reset if its connection was told so.
struct Stream {
    tcp: TcpStream,
    connection: Arc<Connection>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::SeqCst) {
            // Without it the peer sees an orderly end: the fault would be another one.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

/// Counts connections over restarts.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

/// Accepts connections until it is dropped, and with it all connections.
pub(crate) async fn accept(
    listener: Arc<TcpListener>,
    tls: Option<Tls>,
    sim: Arc<Sim>,
    router: Router,
    counter: Counter,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((tcp, _)) = accepted else { continue };
                // Small replies must not wait for an acknowledgement.
                let _ = tcp.set_nodelay(true);
                let connection = Arc::new(Connection {
                    number: counter.0.fetch_add(1, Ordering::Relaxed) + 1,
                    reset: AtomicBool::new(false),
                    over: Notify::new(),
                });
                let stream = Stream { tcp, connection: Arc::clone(&connection) };
                let work = serve(stream, tls.clone(), Arc::clone(&sim), router.clone(), connection);
                connections.spawn(work);
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(
    stream: Stream,
    tls: Option<Tls>,
    sim: Arc<Sim>,
    router: Router,
    connection: Arc<Connection>,
) {
    let talk = async {
        let shared = Arc::clone(&connection);
        match tls {
            None => http1(stream, sim, router, shared).await,
            #[cfg(feature = "tls")]
            Some(tls) => {
                let Ok(stream) = tls.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    http2(stream, sim, router, shared).await;
                } else {
                    http1(stream, sim, router, shared).await;
                }
            }
            #[cfg(not(feature = "tls"))]
            Some(never) => match never {},
        }
    };
    tokio::select! {
        () = talk => {}
        () = connection.over.notified() => {}
    }
}

async fn http1(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    sim: Arc<Sim>,
    router: Router,
    connection: Arc<Connection>,
) {
    let service = service_fn(move |request| {
        pipeline::answer(Arc::clone(&sim), router.clone(), Arc::clone(&connection), request)
    });
    // An error here is the client's going away, or a fault that cut a body.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(feature = "tls")]
async fn http2(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    sim: Arc<Sim>,
    router: Router,
    connection: Arc<Connection>,
) {
    let service = service_fn(move |request| {
        pipeline::answer(Arc::clone(&sim), router.clone(), Arc::clone(&connection), request)
    });
    let executor = hyper_util::rt::TokioExecutor::new();
    let _ = hyper::server::conn::http2::Builder::new(executor)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
