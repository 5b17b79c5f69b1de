//! Pages that are fetched ahead and decoded in order.

use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use super::*;

const TOTAL: u64 = 10;

fn page(before: &str, offset: u64, limit: u64, total: u64) -> Bytes {
    let rows = limit.min(total - offset);
    let headers: Vec<_> = (0..rows).map(|row| format!("[{row}]")).collect();
    let elements: Vec<_> =
        (0..rows).map(|row| format!(r#"{{"formValues":["{}"]}}"#, offset + row)).collect();
    let values = vec!["[1.5]"; headers.len()];
    format!(
        r#"{{{before}"definition":{{"grid":{{
            "rows":[{{"name":"Row","id":"A","type":"attribute","forms":[{{"name":"ID"}}],
                      "elements":[{}]}}],
            "columns":[{{"name":"Metrics","type":"templateMetrics","elements":
                        [{{"name":"Revenue","id":"R","dataType":"double"}}]}}]}}}},
          "data":{{"paging":{{"total":{total},"current":{rows},"offset":{offset}}},
                   "headers":{{"rows":[{}],"columns":[[0]]}},
                   "metricValues":{{"raw":[{}]}}}}}}"#,
        elements.join(","),
        headers.join(","),
        values.join(","),
    )
    .into()
}

fn sent(body: Bytes) -> Page {
    Page { body, execution: "one".into() }
}

fn cut(ahead: usize, limit: u64) -> Start {
    Start { ahead: Some(ahead), limit: Some(limit), ..Start::default() }
}

/// All rows, and what was asked for while the first page was not decoded yet.
async fn read(before: &'static str) -> (u64, Vec<(u64, u64)>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let pages = {
        let asked = Arc::clone(&asked);
        Pages::new(move |offset, limit| {
            asked.lock().unwrap().push((offset, limit));
            // what was asked for in vain need not exist
            async move { Ok(sent(page("", offset.min(TOTAL), limit, TOTAL))) }
        })
    };
    let first = page(before, 0, 4, TOTAL);
    let mut reader = Reader::start(sent(first), pages, cut(2, 3)).await.unwrap();
    let early = asked.lock().unwrap().clone();
    let mut rows = 0;
    while let Some(batch) = reader.next().await.unwrap() {
        rows += batch.num_rows() as u64;
    }
    (rows, early)
}

#[tokio::test]
async fn pages_are_asked_for_while_the_first_one_is_decoded() {
    assert_eq!(read("").await, (TOTAL, vec![(4, 3), (7, 3)]));
}

async fn reader(give: impl Fn(u64, u64) -> Bytes + Send + Sync + 'static) -> Reader {
    let pages = Pages::new(move |offset, limit| {
        let page = give(offset, limit);
        async move { Ok(sent(page)) }
    });
    Reader::start(sent(page("", 0, 1, TOTAL)), pages, cut(4, 3)).await.unwrap()
}

#[tokio::test]
async fn what_a_page_lacks_is_asked_for_before_later_pages_count() {
    // all pages are there at once, and each lacks a row
    let mut reader = reader(|offset, limit| page("", offset, limit.min(2), TOTAL)).await;
    let mut rows = Vec::new();
    while let Some(batch) = reader.next().await.unwrap() {
        rows.push(batch.num_rows() as u64);
        assert_eq!(reader.progress().rows, rows.iter().sum::<u64>());
    }
    assert_eq!(rows, [1, 2, 1, 2, 1, 2, 1]);
}

#[tokio::test]
async fn the_rows_before_a_broken_page_come_and_none_after_it() {
    let mut reader = reader(|offset, limit| match offset {
        4 => Bytes::from_static(b"{"),
        _ => page("", offset, limit, TOTAL),
    })
    .await;
    for rows in [1, 3] {
        assert_eq!(reader.next().await.unwrap().unwrap().num_rows(), rows);
    }
    assert_eq!(reader.next().await.unwrap_err().kind(), ErrorKind::Decode);
    let again = reader.next().await.unwrap_err();
    assert!(again.message().contains("an earlier page"), "{again}");
}

/// Reads all rows, with one `next` that is dropped after so many polls.
async fn dropped_after(polls: usize) -> Result<u64> {
    let mut reader = reader(|offset, limit| page("", offset, limit, TOTAL)).await;
    let mut rows = reader.next().await?.map_or(0, |batch| batch.num_rows() as u64);
    {
        let mut next = std::pin::pin!(reader.next());
        for _ in 0..polls {
            let poll = |cx: &mut std::task::Context<'_>| Poll::Ready(next.as_mut().poll(cx));
            if let Poll::Ready(batch) = std::future::poll_fn(poll).await {
                rows += batch?.map_or(0, |batch| batch.num_rows() as u64);
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    while let Some(batch) = reader.next().await? {
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

#[tokio::test]
async fn what_was_dropped_half_way_leaves_no_gap() {
    assert_eq!(dropped_after(0).await.unwrap(), TOTAL);
    // while it waits for a page, or for its decoding
    let mut noticed = 0;
    for polls in 1..=3 {
        match dropped_after(polls).await {
            Ok(rows) => assert_eq!(rows, TOTAL),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Decode);
                noticed += 1;
            }
        }
    }
    assert!(noticed > 0);
    assert_eq!(dropped_after(1000).await.unwrap(), TOTAL);
}

#[tokio::test]
async fn a_first_page_that_misleads_at_a_glance_is_read_all_the_same() {
    for before in [
        r#""paging":{"total":90,"current":40,"offset":0},"#,
        r#""paging":{"total":9,"current":1,"offset":0},"#,
        r#""paging":{"total":4,"current":4,"offset":0},"#,
        r#""paging":[],"#,
        r#""note":"\"paging\":{}","#,
    ] {
        assert_eq!(read(before).await.0, TOTAL, "{before}");
    }
}
