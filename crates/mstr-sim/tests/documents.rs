//! Dashboards and documents over the wire.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed helper is a failed test")]

mod support;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use mstr_sim::{Dashboard, Document, LibraryServer, Prompt, Report};
use serde_json::json;
use support::Call;
use support::grid::{Client, assert_same, decode, list, rows};

fn sales() -> Report {
    Report::sample("Sales", 40)
}

fn board() -> Dashboard {
    Dashboard::new("Board").id("D1").visualization("K52", sales()).compound_grid("K53", sales())
}

async fn serve() -> LibraryServer {
    let document = Document::new("Cockpit").id("C1").visualization("K17", sales());
    let document = document.prompt(Prompt::value("Comment").optional());
    LibraryServer::builder().dashboard(board()).document(document).polls(2).start().await.unwrap()
}

async fn executed(client: &Client<'_>) -> String {
    let answer = client.post("/dossiers/D1/instances", &json!({})).await;
    assert_eq!((answer.status, &answer.json()["status"]), (201, &json!(1)));
    answer.json()["mid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn definitions_of_both() {
    let server = serve().await;
    let client = Client::new(&server).await;
    // with a slash, as the official client asks
    let board = client.get("/v2/dossiers/D1/definition/").await.json();
    let page = &board["chapters"][0]["pages"][0];
    assert_eq!(board["currentChapter"], board["chapters"][0]["key"]);
    assert_eq!(page["visualizations"][0]["key"], "K52");
    assert_eq!(page["visualizations"][1]["visualizationType"], "compound_grid");
    let document = client.get("/documents/C1/definition").await.json();
    assert_eq!(document["layouts"][0]["visualizations"][0]["key"], "K17");
    assert_eq!(client.get("/v2/dossiers/C1/definition").await.status, 400);
    assert_eq!(client.get("/v2/dossiers/X/definition").await.status, 404);
    let found =
        client.post("/metadataSearches/results?type=14081&name=board", &json!({})).await.json();
    let found = client
        .get(&format!("/metadataSearches/results?searchId={}", found["id"].as_str().unwrap()))
        .await
        .json();
    assert_eq!(
        (list(&found).len(), &found[0]["id"], &found[0]["type"]),
        (1, &json!("D1"), &json!(55))
    );
    assert_eq!(client.get("/objects/C1?type=55").await.json()["viewMedia"], 0);
}

#[tokio::test]
async fn grids_and_their_end() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let mid = executed(&client).await;
    let grids = format!("/v2/dossiers/D1/instances/{mid}/chapters/K36/visualizations");
    let page = client.get(&format!("{grids}/K52?limit=-1")).await.json();
    assert_eq!((&page["key"], &page["visualizationType"]), (&json!("K52"), &json!("grid")));
    assert_same(&decode(&page), &rows(&sales().table()), "the grid");
    let page = client.get(&format!("{grids}/K53?limit=5")).await.json();
    assert!(page["definition"]["grid"]["columnSets"].is_array());
    assert!(page["definition"]["grid"]["columns"].is_null());
    for wrong in ["K99", "K52?limit=-2"] {
        assert_eq!(client.get(&format!("{grids}/{wrong}")).await.status, 400);
    }
    let one = format!("/documents/D1/instances/{mid}");
    assert_eq!(client.get(&format!("{one}/status")).await.json()["status"], 1);
    assert_eq!(client.send(Call::new("DELETE", &one)).await.status, 204);
    for path in [format!("{one}/status"), format!("{grids}/K52")] {
        let answer = client.get(&path).await;
        assert_eq!((answer.status, &answer.json()["iServerCode"]), (404, &json!(-2_147_468_986)));
    }
    // those of another session are none
    let mid = executed(&client).await;
    let other = Client::new(&server).await;
    assert_eq!(other.get(&format!("/documents/D1/instances/{mid}/status")).await.status, 404);
    assert_eq!(server.expire_instances(), 1);
}

#[tokio::test]
async fn exports_of_every_kind() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let one = format!("/documents/D1/instances/{}", executed(&client).await);
    let pdf = client.post(&format!("{one}/pdf"), &json!({})).await;
    assert_eq!(pdf.header("content-type"), Some("application/json"));
    let bytes = BASE64_STANDARD.decode(pdf.json()["data"].as_str().unwrap()).unwrap();
    assert_eq!(bytes, board().pdf());
    // every object is where the table says that it is
    let text = String::from_utf8_lossy(&bytes);
    let table: usize =
        text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
    let places = bytes[table..].split(|byte| *byte == b'\n').skip(3).take(5);
    for (number, place) in places.enumerate() {
        let place: usize = std::str::from_utf8(&place[..10]).unwrap().parse().unwrap();
        assert!(bytes[place..].starts_with(format!("{} 0 obj", number + 1).as_bytes()));
    }
    let call = Call::post(&format!("{one}/pdf"))
        .json(&json!({}))
        .header("Accept", "application/octet-stream");
    assert_eq!(client.send(call).await.body, bytes);

    let excel = client.post(&format!("{one}/excel"), &json!({})).await;
    assert!(excel.body.starts_with(b"PK\x03\x04") && excel.body.ends_with(&[0, 0]));
    let csv = client.post(&format!("{one}/visualizations/K52/csv"), &json!({})).await;
    assert!(csv.body.starts_with(&[0xff, 0xfe, b'"', 0]));
    let pdf = client.post(&format!("{one}/visualizations/K52/pdf"), &json!({})).await;
    assert!(pdf.json()["data"].as_str().unwrap().starts_with("JVBERi0"));
    for (path, body) in [
        ("pdf", json!({ "pageHeight": 0 })),
        ("pdf", json!({ "includeHeader": "yes" })),
        ("excel", json!([])),
        ("visualizations/K99/csv", json!({})),
    ] {
        assert_eq!(client.post(&format!("{one}/{path}"), &body).await.status, 400, "{path} {body}");
    }
}

#[tokio::test]
async fn a_pdf_in_the_background() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let one = format!("/documents/D1/instances/{}", executed(&client).await);
    let call = Call::post(&format!("{one}/pdf")).json(&json!({})).header("Prefer", "respond-async");
    let answer = client.send(call).await;
    assert_eq!(answer.status, 202);
    let result = format!("{one}/pdf/{}", answer.json()["id"].as_str().unwrap());
    for status in [202, 202, 200, 200] {
        assert_eq!(client.get(&result).await.status, status);
    }
    for status in [204, 400] {
        assert_eq!(client.send(Call::new("DELETE", &result)).await.status, status);
    }
    assert_eq!(client.get(&result).await.status, 400);
}

#[tokio::test]
async fn prompts_and_again() {
    let server = serve().await;
    let client = Client::new(&server).await;
    let begun = client
        .send(
            Call::post("/documents/C1/instances")
                .json(&json!({}))
                .header("Prefer", "respond-async"),
        )
        .await;
    assert_eq!(begun.status, 202);
    let mid = begun.json()["mid"].as_str().unwrap().to_owned();
    let one = format!("/documents/C1/instances/{mid}");
    for status in [202, 202, 200] {
        assert_eq!(client.get(&format!("{one}/status")).await.status, status);
    }
    assert_eq!(client.get(&format!("{one}/status")).await.json()["status"], 2);
    let answer = client.post(&format!("{one}/pdf"), &json!({})).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("ERR010")));
    let open = client.get(&format!("{one}/prompts?closed=False")).await.json();
    assert_eq!(list(&open).len(), 1);
    let answers = json!({ "prompts": [{ "key": open[0]["key"], "type": "VALUE", "answers": [] }] });
    assert_eq!(client.put(&format!("{one}/prompts/answers"), &answers).await.status, 204);
    assert_eq!(client.post(&format!("{one}/pdf"), &json!({})).await.status, 200);
    let again = client.post(&format!("{one}/rePrompt"), &json!({})).await.json()["mid"].clone();
    assert_ne!(again, json!(mid));
    assert_eq!(client.get(&format!("{one}/status")).await.status, 404);
    let one = format!("/documents/C1/instances/{}", again.as_str().unwrap());
    assert_eq!(client.get(&format!("{one}/status")).await.json()["status"], 2);
    // without a project, as the official client asks where an instance is named
    let token = &client.token;
    let answer = Call::get(&format!("{one}/prompts")).token(token).send(&server).await;
    assert_eq!(answer.status, 200);
    let answer = Call::get("/documents/C1/definition").token(token).send(&server).await;
    assert_eq!(answer.status, 400);
    assert_eq!(Call::get(&format!("{one}/prompts")).send(&server).await.status, 401);
}
