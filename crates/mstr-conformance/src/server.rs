//! One loopback listener that is every server: a forward proxy that answers itself, in plain for
//! `http` and behind `CONNECT` with a certificate of the test CA for `https`.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mstr_rest_core::{Auth, Cookies, Session};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::case::{SideEffect, TransportError};
use crate::script::{Answer, Recorded, Script, Wire};
use crate::tls;

/// The longest head of a `CONNECT`.
const LONGEST: usize = 8 * 1024;

/// What a server answers to each request.
pub(crate) trait Replies: 'static {
    /// The reply to a request.
    fn answer(&mut self, request: Recorded) -> Answer;

    /// How long the reply to a request is held back, in seconds. Called before [`Self::answer`].
    fn delay(&mut self, _url: &str) -> Option<f64> {
        None
    }

    /// What happens instead of a connection to that origin.
    fn no_connection(&mut self, _origin: &str) -> Option<TransportError> {
        None
    }
}

pub(crate) struct Server<R = Script> {
    pub(crate) script: RefCell<R>,
    /// With it every connection is TLS. Without it TLS is behind `CONNECT` only.
    tls: Option<Arc<ServerConfig>>,
    /// For replies with a side effect on it.
    pub(crate) session: RefCell<Option<Session>>,
    /// What the server could not do: the case fails.
    pub(crate) problems: RefCell<Vec<String>>,
}

impl<R: Replies> Server<R> {
    /// Starts it, on this thread; gives the URL of the proxy.
    pub(crate) async fn start(script: R) -> Result<(Rc<Self>, String), String> {
        let (server, address) = Self::start_with(script, None).await?;
        Ok((server, format!("http://{address}")))
    }

    /// Starts it, on this thread, with TLS on every connection if there is a configuration; gives
    /// its address.
    pub(crate) async fn start_with(
        script: R,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<(Rc<Self>, SocketAddr), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let server = Rc::new(Self {
            script: RefCell::new(script),
            tls,
            session: RefCell::default(),
            problems: RefCell::default(),
        });
        let accepting = Rc::clone(&server);
        tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Rc::clone(&accepting);
                tokio::task::spawn_local(async move {
                    // an error here is the client's going away, or one that the case asks for
                    let _ = server.connection(stream).await;
                });
            }
        });
        Ok((server, address))
    }

    fn problem(&self, what: impl Into<String>) {
        self.problems.borrow_mut().push(what.into());
    }

    async fn connection(self: Rc<Self>, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        if let Some(tls) = &self.tls {
            let stream = TlsAcceptor::from(Arc::clone(tls)).accept(stream).await?;
            return self.serve(stream, None).await;
        }
        let mut start = [0; 8];
        // a client that sent less than that has not said anything yet
        loop {
            match stream.peek(&mut start).await? {
                // the client closed the connection and sent nothing
                0 => return Ok(()),
                seen if seen >= start.len() => break,
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if &start != b"CONNECT " {
            return self.serve(stream, None).await;
        }
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let authority = head.split(' ').nth(1).unwrap_or_default();
        let origin = origin("https", authority);
        let fate = self.script.borrow_mut().no_connection(&origin);
        match fate {
            Some(TransportError::ConnectTimeout) => return std::future::pending().await,
            Some(_) => return stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await,
            None => {}
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        match tls::config(host.trim_matches(['[', ']'])) {
            Ok(config) => {
                let stream = TlsAcceptor::from(config).accept(stream).await?;
                self.serve(stream, Some(origin)).await
            }
            Err(error) => {
                self.problem(format!("no certificate for {host}: {error}"));
                Ok(())
            }
        }
    }

    /// One connection, one request: so that each request meets the rules of connections.
    async fn serve(
        self: Rc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        origin: Option<String>,
    ) -> io::Result<()> {
        let answer = service_fn(move |request| {
            let (server, origin) = (Rc::clone(&self), origin.clone());
            async move { server.answer(request, origin).await }
        });
        let served = http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), answer)
            .await;
        served.map_err(io::Error::other)
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        tunnel: Option<String>,
    ) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let authority = head.uri.authority().map_or("", |authority| authority.as_str());
        let origin = tunnel.unwrap_or_else(|| origin("http", authority));
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let recorded = Recorded {
            method: head.method.to_string(),
            url: format!("{origin}{target}"),
            headers: headers.collect(),
            body: body.collect().await.map_err(io::Error::other)?.to_bytes().into(),
        };
        let delay = self.script.borrow_mut().delay(&recorded.url);
        let answer = self.script.borrow_mut().answer(recorded);
        if let Some(seconds) = delay {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        }
        match answer {
            Answer::Reply(wire) => self.reply(wire).await,
            Answer::Fails(TransportError::ReadTimeout) => std::future::pending().await,
            Answer::Fails(TransportError::Read) => Err(io::ErrorKind::ConnectionReset.into()),
            Answer::Fails(TransportError::Connect | TransportError::ConnectTimeout) => {
                self.problem(format!("a connection to {origin} was to fail and did not"));
                Err(io::ErrorKind::ConnectionRefused.into())
            }
        }
    }

    async fn reply(&self, wire: Wire) -> io::Result<Response<Full<Bytes>>> {
        if let Some(effect) = wire.side_effect {
            self.take_effect(effect).await;
        }
        let mut reply = Response::builder().status(wire.status);
        for (name, value) in wire.headers {
            reply = reply.header(name, value);
        }
        reply.body(Full::new(wire.body.into())).map_err(|error| {
            self.problem(format!("a reply of the case cannot be sent: {error}"));
            io::Error::other(error)
        })
    }

    async fn take_effect(&self, effect: SideEffect) {
        let session = self.session.borrow().clone();
        let Some(session) = session else {
            return self.problem("set_token: there is no session yet");
        };
        if let Err(error) =
            session.login(Auth::existing(effect.set_token, Cookies::default())).await
        {
            self.problem(format!("set_token: {error}"));
        }
    }
}

/// `https://host:port`, without the scheme's own port.
fn origin(scheme: &str, authority: &str) -> String {
    let port = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.to_ascii_lowercase();
    format!("{scheme}://{}", authority.strip_suffix(port).unwrap_or(&authority))
}
