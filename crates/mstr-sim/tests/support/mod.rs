//! A hand-written HTTP/1.1 client: it sees bytes, not what a library makes of them.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed helper is a failed test")]

pub(crate) mod grid;

use std::io::Read;

use mstr_sim::LibraryServer;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A reply as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection ended before all of the body was there.
    pub(crate) cut: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).into_iter().next()
    }

    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn token(&self) -> String {
        self.header("x-mstr-authtoken").expect("a token").to_owned()
    }

    /// What a client sends back: `name=value` of every `Set-Cookie`.
    pub(crate) fn cookies(&self) -> String {
        let pairs = self.all("set-cookie").into_iter().filter_map(|line| line.split(';').next());
        pairs.collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies();
        let mut pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then(|| value.to_owned()))
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.header("content-encoding") == Some("gzip") {
            flate2::read::GzDecoder::new(self.body.as_slice()).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(self.body.clone()).unwrap();
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    /// The body with the ticket's digits, which differ each time, replaced by `*`.
    pub(crate) fn without_ticket(&self) -> String {
        let text = self.text();
        let (before, rest) = text.split_once("\"ticketId\":\"").expect("a ticket");
        let (ticket, after) = rest.split_once('"').unwrap();
        assert_eq!(ticket.len(), 32);
        assert!(ticket.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{ticket}");
        format!("{before}\"ticketId\":\"*\"{after}")
    }
}

/// One request under way: `Call::get("/projects").token(&token).send(&server).await`.
pub(crate) struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new("POST", path)
    }

    pub(crate) fn put(path: &str) -> Self {
        Self::new("PUT", path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("X-MSTR-AuthToken", token)
    }

    pub(crate) fn json(mut self, value: &Value) -> Self {
        self.body = value.to_string().into_bytes();
        self.header("Content-Type", "application/json")
    }

    pub(crate) fn form(mut self, pairs: &str) -> Self {
        self.body = pairs.as_bytes().to_vec();
        self.header("Content-Type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn raw(mut self, content_type: &str, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("Content-Type", content_type)
    }

    /// The bytes of the request. A path that starts with `=` is meant from the server's root.
    fn bytes(&self, server: &LibraryServer) -> Vec<u8> {
        use std::fmt::Write as _;

        let path = match self.path.strip_prefix('=') {
            Some(path) => path.to_owned(),
            None => format!("/MicroStrategyLibrary/api{}", self.path),
        };
        let mut head = format!("{} {path} HTTP/1.1\r\nHost: {}\r\n", self.method, server.address());
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "Content-Length: {}\r\n\r\n", self.body.len()).unwrap();
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it over a connection of its own.
    pub(crate) async fn send(self, server: &LibraryServer) -> Answer {
        self.try_send(server).await.expect("a reply")
    }

    pub(crate) async fn try_send(self, server: &LibraryServer) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(server.address()).await?;
        self.send_over(server, &mut stream).await
    }

    /// Sends it over an open connection.
    pub(crate) async fn send_over(
        self,
        server: &LibraryServer,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    ) -> std::io::Result<Answer> {
        stream.write_all(&self.bytes(server)).await?;
        read_answer(stream, self.method == "HEAD").await
    }

    /// Sends it and leaves the reply to the caller.
    pub(crate) async fn start(self, server: &LibraryServer) -> TcpStream {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(&self.bytes(server)).await.unwrap();
        stream
    }
}

async fn read_answer(
    stream: &mut (impl AsyncRead + Unpin),
    head_only: bool,
) -> std::io::Result<Answer> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(head_end);
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut answer = Answer { status, headers, body: Vec::new(), cut: false };
    if head_only {
        return Ok(answer);
    }
    if answer.header("transfer-encoding") == Some("chunked") {
        while !body.ends_with(b"0\r\n\r\n") {
            if stream.read_buf(&mut body).await? == 0 {
                answer.cut = true;
                break;
            }
        }
        answer.body = unchunk(&body);
        return Ok(answer);
    }
    let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    while body.len() < length {
        // A reset after some bytes is a cut, too.
        if stream.read_buf(&mut body).await.unwrap_or(0) == 0 {
            answer.cut = true;
            break;
        }
    }
    answer.body = body;
    Ok(answer)
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let data = &body[end + 2..];
        whole.extend_from_slice(&data[..size]);
        if size == 0 {
            break;
        }
        body = &data[size + 2..];
    }
    whole
}

/// The body of a standard login.
pub(crate) fn login(user: &str, password: &str) -> Call {
    let body = serde_json::json!({ "username": user, "password": password, "loginMode": 1 });
    Call::post("/auth/login").json(&body)
}

/// A login as the default user.
pub(crate) async fn log_in(server: &LibraryServer) -> Answer {
    let answer = login(mstr_sim::DEFAULT_USER, mstr_sim::DEFAULT_PASSWORD).send(server).await;
    assert_eq!(answer.status, 204);
    answer
}
