//! The scripted server, driven by sockets.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use mstr_cloud_stub::{Reply, Responder, closed_port};

fn send(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

const GET: &str = "GET /a?b=c HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-one: two\r\n\r\n";
const POST: &str =
    "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 7\r\n\r\n{\"a\":1}";

#[test]
fn replies_in_turn_and_keeps_a_journal() {
    let server = Responder::scripted([
        Reply::json(400, "{\"broken").header("x-kind", "first"),
        Reply::status(204).delay(Duration::from_millis(1)),
    ]);
    let first = send(server.address(), GET).unwrap();
    assert!(first.starts_with("HTTP/1.1 400 ") && first.contains("x-kind: first\r\n"), "{first}");
    assert!(first.ends_with("\r\n\r\n{\"broken"), "{first}");
    for _ in 0..2 {
        assert!(send(server.address(), POST).unwrap().starts_with("HTTP/1.1 204 "));
    }
    let requests = server.requests();
    assert_eq!(server.count(), 3);
    assert_eq!((&*requests[0].method, &*requests[0].path), ("GET", "/a?b=c"));
    assert_eq!(requests[0].header("x-one"), "two");
    assert_eq!(requests[1].json()["a"], 1);
    assert!(requests[0].json().is_null());
}

#[test]
fn hangs_refuses_and_changes_its_mind() {
    let server = Responder::black_hole();
    assert!(send(server.address(), GET).is_err());
    assert_eq!(server.count(), 1);
    server.answer(|request| Reply::status(200).body(request.path.clone()));
    assert!(send(server.address(), GET).unwrap().ends_with("/a?b=c"));
    assert!(send(closed_port(), GET).is_err());

    let address = server.address();
    drop(server);
    assert!(send(address, GET).is_err(), "it stops when it is dropped");
}
