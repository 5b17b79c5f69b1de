//! Requests of the driver. They do not go through the client that is tested.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Result;

const PATIENCE: Duration = Duration::from_secs(10);

/// The reply to one request.
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn is_ok(&self) -> bool {
        self.head.split_whitespace().nth(1).is_some_and(|status| status.starts_with('2'))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.trim()))
    }
}

/// Sends a request without a body to a port of this machine.
pub(crate) async fn ask(port: u16, request: &str, cookie: &str) -> Result<Reply> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let text = format!(
            "{request} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        let (head, body) = reply.split_once("\r\n\r\n").ok_or("the reply broke off")?;
        Ok(Reply { head: head.to_owned(), body: body.to_owned() })
    };
    timeout(PATIENCE, exchange).await?
}
