//! A server on loopback that gives the replies of a test: shapes that the simulator does not have.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use mstr_rest_core::{Auth, RetryPolicy, Session};
use serde_json::{Value, json};

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Behind `/api`, decoded.
    pub(crate) path: String,
    query: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.query(name)?.parse().ok()
    }

    pub(crate) fn is(&self, method: &str, ending: &str) -> bool {
        self.method == method && self.path.ends_with(ending)
    }
}

/// Status, total of a list, and body.
pub(crate) type Answer = (u16, Option<usize>, Value);

pub(crate) struct Canned {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    /// Logins are answered by itself, everything else by the closure.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/MicroStrategyLibrary/api", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        Self { url, asked }
    }

    pub(crate) async fn session(&self) -> Session {
        let retry = RetryPolicy::none();
        let builder = Session::builder(&self.url).environment_proxies(false).retry(retry);
        let session = builder.build().unwrap();
        session.login(Auth::standard("user", "password")).await.unwrap();
        session.in_project(super::PROJECT)
    }

    /// What was asked by this method at paths with that ending.
    pub(crate) fn asked(&self, method: &str, ending: &str) -> Vec<Asked> {
        let all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|one| one.is(method, ending)).cloned().collect()
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked) -> Answer) {
    let Ok(mut out) = stream.try_clone() else { return };
    let mut lines = BufReader::new(stream);
    while let Some(asked) = read(&mut lines) {
        let mut token = "";
        let (status, total, body) = match asked.path.as_str() {
            "/auth/login" => {
                token = "X-MSTR-AuthToken: token\r\n";
                (204, None, Value::Null)
            }
            "/auth/logout" => (204, None, Value::Null),
            _ => {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
                answer(&asked)
            }
        };
        let total = total.map(|total| format!("X-MSTR-Total-Count: {total}\r\n"));
        let body = if status == 204 { String::new() } else { body.to_string() };
        let length = if status == 204 {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let total = total.unwrap_or_default();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n");
        // in one piece: small ones wait for each other
        let reply = format!("{head}{token}{total}{length}\r\n{body}");
        if out.write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(lines: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut first = String::new();
    lines.read_line(&mut first).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Asked {
        method,
        path: decoded(path).split_once("/api").map_or_else(String::new, |(_, path)| path.into()),
        query: query.map(|(name, value)| (decoded(name), decoded(value))).collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        let hex = || u8::from_str_radix(std::str::from_utf8(more.get(..2)?).ok()?, 16).ok();
        match (first, hex()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A window of a list, at most `most` of it.
pub(crate) fn window(asked: &Asked, list: &[Value], most: usize) -> Vec<Value> {
    let offset = asked.number("offset").unwrap_or(0);
    let limit = asked.number("limit").unwrap_or(100).min(most);
    list.iter().skip(offset).take(limit).cloned().collect()
}

/// What the server says to a request that it refuses.
pub(crate) fn refused(message: &str) -> Answer {
    (400, None, json!({ "code": "ERR006", "message": message, "ticketId": "0" }))
}

/// The reply to an execution: ready, with a small grid.
pub(crate) fn grid() -> Value {
    json!({
        "id": "A", "name": "Sales", "instanceId": "I", "status": 1,
        "definition": { "grid": {} },
        "data": {
            "paging": { "total": 1, "current": 1, "offset": 0, "limit": 1000 },
            "headers": { "rows": [[0]], "columns": [[0]] },
            "metricValues": { "raw": [[7]] },
        },
    })
}
