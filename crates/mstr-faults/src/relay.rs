//! A relay before the server, for replies that no HTTP server would send. It takes one request per
//! connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    rule: Arc<Rule>,
}

struct Rule {
    server: SocketAddr,
    /// `GET /path `: how the requests begin that are answered here.
    targets: Vec<String>,
    reply: (&'static [u8], bool),
    armed: AtomicBool,
    hits: AtomicUsize,
}

impl Relay {
    /// Starts on the current runtime and ends with it.
    pub(crate) async fn start(
        server: SocketAddr,
        targets: Vec<String>,
        reply: (&'static [u8], bool),
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (armed, hits) = (AtomicBool::new(false), AtomicUsize::new(0));
        let rule = Arc::new(Rule { server, targets, reply, armed, hits });
        let own = Arc::clone(&rule);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let rule = Arc::clone(&own);
                // what the client breaks off is its own affair
                tokio::spawn(async move { drop(rule.serve(client).await) });
            }
        });
        Ok(Self { address, rule })
    }

    pub(crate) fn arm(&self) {
        self.rule.armed.store(true, Ordering::SeqCst);
    }

    /// How many requests were answered here.
    pub(crate) fn hits(&self) -> usize {
        self.rule.hits.load(Ordering::SeqCst)
    }
}

impl Rule {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let mut seen = Vec::new();
        let end = loop {
            if client.read_buf(&mut seen).await? == 0 {
                return Ok(());
            }
            if let Some(end) = find(&seen, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(&seen[..end]).into_owned();
        let struck = self.targets.iter().any(|target| head.starts_with(target));
        if !(struck && self.armed.load(Ordering::SeqCst)) {
            let mut server = TcpStream::connect(self.server).await?;
            let (line, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
            server.write_all(format!("{line}\r\nConnection: close\r\n{rest}").as_bytes()).await?;
            server.write_all(&seen[end..]).await?;
            copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        }
        self.hits.fetch_add(1, Ordering::SeqCst);
        while !is_whole(&head, &seen[end..]) {
            if client.read_buf(&mut seen).await? == 0 {
                return Ok(());
            }
        }
        let (reply, reset) = self.reply;
        client.write_all(reply).await?;
        // a reset overtakes what was sent before
        tokio::time::sleep(Duration::from_millis(50)).await;
        if reset {
            client.set_zero_linger()?;
        }
        Ok(())
    }
}

/// Whether the whole body of the request is there.
fn is_whole(head: &str, body: &[u8]) -> bool {
    let head = head.to_ascii_lowercase();
    if head.contains("\r\ntransfer-encoding: chunked") {
        return body.ends_with(b"0\r\n\r\n");
    }
    let length = head.split_once("\r\ncontent-length: ").and_then(|(_, rest)| rest.lines().next());
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
