//! Exports of dashboards and documents against the simulated server.
#![allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking

mod support;

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use mstr_rest_api::{
    Answer, DashboardsExt, DocumentInstance, DocumentRequest, DocumentsExt, Export, PdfOptions,
};
use mstr_rest_core::{ErrorKind, Session};
use mstr_sim::{Fault, LibraryServer, Method, Prompt, Reply};
use serde_json::{Value, json};
use support::{login, sales, server};

const PDF: &str = "/documents/*/instances/*/pdf";
const RESULT: &str = "/documents/*/instances/*/pdf/*";
const RUNS: &str = "/dossiers/*/instances";

fn dashboard() -> mstr_sim::Dashboard {
    mstr_sim::Dashboard::new("Board").id("D1").visualization("K52", sales()).pdf_filler(2_500_001)
}

async fn run(session: &Session) -> DocumentInstance {
    let dashboard = session.dashboards().dashboard("D1");
    dashboard.run(DocumentRequest::new()).await.unwrap()
}

async fn started() -> (LibraryServer, Session, DocumentInstance) {
    let server = server().dashboard(dashboard()).start().await.unwrap();
    let session = login(&server).await;
    let instance = run(&session).await;
    (server, session, instance)
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// A folder of its own under the target directory.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn came(server: &LibraryServer, method: Method, path: &str) {
    for _ in 0..500 {
        if server.count(method.clone(), path) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{method} {path} never came");
}

#[tokio::test]
async fn a_pdf_in_all_ways() {
    let (server, _, instance) = started().await;
    let wanted = dashboard().pdf();
    let options = PdfOptions::new()
        .page_size(8.27, 11.69)
        .orientation("AUTO")
        .page_option("ALL")
        .filter_summary("ALL")
        .include_overview(true)
        .include_detailed_pages(false)
        .include_header(true)
        .include_footer(false)
        .wait_before_export(Duration::from_secs(2));
    assert_eq!(instance.pdf(options).bytes().await.unwrap(), wanted);
    let sent = server.requests(Method::POST, PDF).pop().unwrap().json::<Value>().unwrap();
    assert_eq!(
        sent,
        json!({
            "pageWidth": 8.27, "pageHeight": 11.69, "orientation": "AUTO", "pageOption": "ALL",
            "filterSummary": "ALL", "includeOverview": true, "includeDetailedPages": false,
            "includeHeader": true, "includeFooter": false, "waitingTimeBeforeExport": 2,
        })
    );

    let folder = Folder::new("pdf");
    let file = folder.0.join("board.pdf");
    let export = || instance.pdf(PdfOptions::new());
    assert_eq!(export().to_file(&file).await.unwrap(), wanted.len() as u64);
    assert_eq!(std::fs::read(&file).unwrap(), wanted);
    assert_eq!(entries(&folder.0), 1, "nothing is left beside");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        export().to_file(&file).await.unwrap();
        assert_eq!(mode(), 0o640, "as it was");
    }
    let mut written = Vec::new();
    export().write_to(&mut written).await.unwrap();
    assert_eq!(written, wanted);
    let mut pieces = pin!(export().bytes_stream().await.unwrap());
    let (mut streamed, mut largest) = (Vec::new(), 0);
    while let Some(piece) = pieces.try_next().await.unwrap() {
        largest = largest.max(piece.len());
        streamed.extend_from_slice(&piece);
    }
    assert_eq!(streamed, wanted);
    assert!(largest < wanted.len() / 2, "it comes in pieces: {largest}");

    // a server that sends the bytes as they are
    let raw = Reply::new(200).with_body("application/octet-stream", wanted.clone());
    server.inject(Fault::reply(raw).on(Method::POST, PDF));
    assert_eq!(export().bytes().await.unwrap(), wanted);
}

#[tokio::test]
async fn workbooks_and_visualizations() {
    let document = mstr_sim::Document::new("Cockpit").id("C9").visualization("K17", sales());
    let server = server().dashboard(dashboard()).document(document).start().await.unwrap();
    let session = login(&server).await;
    let instance = run(&session).await;
    let excel = instance.excel().bytes().await.unwrap();
    assert!(excel.starts_with(b"PK\x03\x04"));
    let csv = instance.visualization_csv("K52").bytes().await.unwrap();
    assert!(csv.starts_with(&[0xff, 0xfe]), "the bytes are the server's");
    let (units, []) = csv.as_chunks::<2>() else { panic!("{} bytes", csv.len()) };
    let text =
        String::from_utf16(&units.iter().map(|two| u16::from_le_bytes(*two)).collect::<Vec<_>>());
    assert_eq!(text.unwrap().lines().count(), 26);
    let pdf = instance.visualization_pdf("K52", PdfOptions::new()).bytes().await.unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let unknown = instance.visualization_csv("K99").bytes().await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::InvalidRequest);
    let document = session.documents().document("C9").run(DocumentRequest::new()).await.unwrap();
    assert!(document.pdf(PdfOptions::new()).bytes().await.unwrap().starts_with(b"%PDF-"));
}

#[tokio::test]
async fn in_the_background() {
    let server = server().dashboard(dashboard()).polls(2).start().await.unwrap();
    let session = login(&server).await;
    let instance = run(&session).await;
    let export = || instance.pdf(PdfOptions::new()).respond_async(true);
    assert_eq!(export().bytes().await.unwrap(), dashboard().pdf());
    let begun = server.requests(Method::POST, PDF).pop().unwrap();
    assert_eq!(begun.header("prefer"), Some("respond-async"));
    assert_eq!(server.count(Method::GET, RESULT), 3);
    assert_eq!(server.count(Method::DELETE, RESULT), 1, "the result is cleared away");
    // a stream that is dropped clears it away, too
    server.clear_journal();
    let mut pieces = Box::pin(export().bytes_stream().await.unwrap());
    assert!(pieces.try_next().await.unwrap().is_some());
    drop(pieces);
    came(&server, Method::DELETE, RESULT).await;
    // a server that is fast
    let at_once = Reply::json(200, &json!({ "data": "YQ==" }));
    let fast = server.inject(Fault::reply(at_once).on(Method::POST, PDF));
    assert_eq!(export().bytes().await.unwrap(), "a");
    fast.remove();
    // no result is named
    let odd = server.inject(Fault::reply(Reply::json(202, &json!({}))).on(Method::POST, PDF));
    assert_eq!(export().bytes().await.unwrap_err().kind(), ErrorKind::Decode);
    odd.remove();
    // failing while it is waited for
    let failing = Reply::error(500, "ERR001", "(The export failed.)");
    server.inject(Fault::reply(failing).on(Method::GET, RESULT));
    server.clear_journal();
    assert_eq!(export().bytes().await.unwrap_err().number(), Some(1));
    assert_eq!(server.count(Method::DELETE, RESULT), 1);
}

#[tokio::test]
async fn export_without_an_end_ends_at_its_timeout() {
    let server = server().dashboard(dashboard()).polls(usize::MAX).start().await.unwrap();
    let session = login(&server).await;
    let instance = run(&session).await;
    let folder = Folder::new("limit");
    let export =
        instance.pdf(PdfOptions::new()).respond_async(true).timeout(Duration::from_secs(1));
    let error = export.to_file(folder.0.join("board.pdf")).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    assert!(server.count(Method::GET, RESULT) > 0);
    assert_eq!(server.count(Method::DELETE, RESULT), 1);
    assert_eq!(entries(&folder.0), 0);
}

#[tokio::test]
async fn a_cut_export_is_an_error_and_no_file() {
    let (server, _, instance) = started().await;
    let folder = Folder::new("cut");
    let file = folder.0.join("board.pdf");
    std::fs::write(&file, "before").unwrap();
    // the connection breaks; the body ends early, though all of it came; it is no export
    let json = String::from_utf8(Reply::json(200, &json!({ "data": "YQ==" })).body().to_vec());
    let short = json.unwrap().replace("\"}", "");
    let whole = |body: String| Reply::new(200).with_body("application/json", body);
    for (fault, kind) in [
        (Fault::cut_body(200_000), ErrorKind::Transport),
        (Fault::reply(whole(short).chunked()), ErrorKind::Decode),
        (Fault::reply(whole("{}".to_owned())), ErrorKind::Decode),
        (Fault::reply(whole("{\"data\":\"*\"}".to_owned())), ErrorKind::Decode),
    ] {
        let fault = server.inject(fault.on(Method::POST, PDF));
        let error = instance.pdf(PdfOptions::new()).to_file(&file).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
        assert_eq!(entries(&folder.0), 1, "nothing is left beside");
        fault.remove();
    }
    let csv = "/documents/*/instances/*/visualizations/*/csv";
    server.inject(Fault::cut_body(100).on(Method::POST, csv));
    let error = instance.visualization_csv("K52").to_file(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert_eq!(entries(&folder.0), 1);
    // a place that cannot be written to costs no export
    server.clear_journal();
    for place in [folder.0.join("no/where.xlsx"), folder.0.clone()] {
        let error = instance.excel().to_file(place).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.status(), None);
    }
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn refused_before_anything_is_sent() {
    let (server, _, instance) = started().await;
    server.clear_journal();
    let exports: [Export; 5] = [
        instance.pdf(PdfOptions::new().page_size(0.0, 1.0)),
        instance.pdf(PdfOptions::new().page_size(1.0, f64::NAN)),
        instance.pdf(PdfOptions::new().orientation("")),
        instance.excel().respond_async(true),
        instance.visualization_pdf("K52", PdfOptions::new()).respond_async(true),
    ];
    for export in exports {
        let error = export.bytes().await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, None));
    }
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn gone_it_is_executed_again() {
    let prompted = dashboard().prompt(Prompt::elements("Regions", "R1"));
    let server = server().dashboard(prompted).start().await.unwrap();
    let session = login(&server).await;
    let instance = run(&session).await;
    let export = || instance.pdf(PdfOptions::new());
    assert_eq!(export().bytes().await.unwrap_err().number(), Some(10), "prompts are open");
    instance.answer_all(async |_| Ok(Some(Answer::elements(["R1:1"])))).await.unwrap();
    let id = instance.id();
    server.expire_all();
    let wanted = dashboard().pdf();
    assert_eq!(export().bytes().await.unwrap(), wanted);
    assert_ne!(instance.id(), id);
    assert_eq!(server.count(Method::POST, RUNS), 2);
    // once, and not for ever
    let gone = Reply::iserver_error(404, "ERR004", -2_147_468_986, "(Message not found.)");
    server.inject(Fault::reply(gone).on(Method::POST, PDF));
    server.clear_journal();
    assert!(export().bytes().await.is_err());
    assert_eq!((server.count(Method::POST, RUNS), server.count(Method::POST, PDF)), (1, 2));
    // sent once: nobody knows whether the first one is still made
    server.clear_faults();
    server.inject(Fault::status(503).on(Method::POST, PDF));
    server.clear_journal();
    assert!(export().bytes().await.is_err());
    assert_eq!(server.count(Method::POST, PDF), 1);
}

#[tokio::test]
async fn an_export_of_no_bytes_is_an_error_and_no_file() {
    let (server, session, instance) = started().await;
    let folder = Folder::new("no-bytes");
    server.inject(Fault::reply(Reply::json(200, &json!({ "data": "" }))).on(Method::POST, PDF));
    let error = instance.pdf(PdfOptions::new()).to_file(folder.0.join("x.pdf")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert_eq!(entries(&folder.0), 0);
    session.logout().await.unwrap();
}
