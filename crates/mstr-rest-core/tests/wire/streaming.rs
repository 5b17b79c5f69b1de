//! Bodies that are streamed, both ways.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use mstr_rest_core::{Body, ErrorKind};
use mstr_sim::{LibraryServer, Method, Reply};

use crate::support::builder;

type Chunk = Result<Bytes, std::io::Error>;

fn chunks(number: usize) -> impl futures_util::Stream<Item = Chunk> {
    stream::iter((0..number).map(|_| Ok(Bytes::from_static(&[b'x'; 1000]))))
}

#[tokio::test]
async fn streamed_bodies_arrive_complete_and_bodies_in_memory_have_a_length() {
    let server = LibraryServer::builder()
        .route(Method::POST, "/count", |request| {
            Reply::json(200, &serde_json::json!(request.body().len()))
        })
        .start()
        .await
        .unwrap();
    let session = builder(&server).connect().await.unwrap();
    let count = async |body: Body| session.post("count").body(body).decode::<usize>().await;
    assert_eq!(count(Body::stream(chunks(300))).await.unwrap(), 300_000);
    assert_eq!(count(Body::stream_fn(|| chunks(3))).await.unwrap(), 3000);
    assert_eq!(count(Body::default()).await.unwrap(), 0);
    assert_eq!(count("".into()).await.unwrap(), 0);
    assert_eq!(count(vec![1u8; 1_000_000].into()).await.unwrap(), 1_000_000);
    // in memory, its length is said whatever its size; without a body it is 0
    let lengths: Vec<_> = server
        .requests(Method::POST, "/count")
        .iter()
        .map(|request| request.header("content-length").map(str::to_owned))
        .collect();
    assert_eq!(
        lengths,
        [None, None, Some("0".to_owned()), Some("0".to_owned()), Some("1000000".to_owned())]
    );
    // once is once
    let once = Body::stream(chunks(1));
    assert_eq!(count(once.clone()).await.unwrap(), 1000);
    let error = count(once).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    // a source that fails ends the request
    let failing = stream::iter([Ok(Bytes::from("a")), Err(std::io::Error::other("disk"))]);
    let error = session.post("count").stream_body(failing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    session.close().await.unwrap();
}

#[tokio::test]
async fn streamed_reply_arrives_in_chunks_and_may_be_dropped() {
    let server = LibraryServer::builder()
        .route(Method::GET, "/big", |_| {
            Reply::new(200).with_body("application/octet-stream", vec![7u8; 5_000_000])
        })
        .start()
        .await
        .unwrap();
    for gzip in [true, false] {
        let session = builder(&server).gzip(gzip).connect().await.unwrap();
        let reply = session.get("big").stream().await.unwrap();
        let pieces: Vec<Bytes> = reply.bytes_stream().try_collect().await.unwrap();
        assert!(pieces.len() > 1);
        assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), 5_000_000);
        let sent = server.requests(Method::GET, "/big").pop().unwrap();
        assert_eq!(sent.header("accept-encoding").is_some(), gzip);
        // one that is given up takes nothing else down
        let mut stream = std::pin::pin!(session.get("big").stream().await.unwrap().bytes_stream());
        assert!(stream.next().await.unwrap().is_ok());
        assert!(session.get("sessions").await.is_ok());
        session.close().await.unwrap();
    }
}
