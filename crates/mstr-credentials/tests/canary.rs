//! A unique secret goes through every source and every error path; nothing that comes out in any
//! printable form may hold it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    error::Error,
    fmt::{self, Debug, Display, Write as _},
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
};

use mstr_credentials::{
    CachedSecret, Credential, CredentialError, EnvVar, Reference, References, SecretFile,
    SecretString, SecretValue,
};
use tracing_subscriber::fmt::MakeWriter;

const CANARY: &str = "cAnArY-7f3a91d2";

/// All that was printed or logged, and how to search it.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    fn debug(&self, thing: &impl Debug) {
        self.note(&format!("{thing:?}\n{thing:#?}\n"));
    }

    fn error(&self, error: &(impl Error + Clone)) {
        let mut text = String::new();
        let mut next: Option<&dyn Error> = Some(error);
        while let Some(error) = next {
            write!(text, "{error}\n{error:#}\n{error:?}\n{error:#?}\n").unwrap();
            next = error.source();
        }
        self.note(&text);
    }

    /// Everything, after making sure that the canary is nowhere in it: not as text, escaped or in
    /// another case, not as bytes in decimal or hex.
    fn leak(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).to_lowercase();
        let bytes = CANARY.as_bytes();
        let list = |one: fn(&u8) -> String, by: &str| {
            bytes.iter().map(one).collect::<Vec<_>>().join(by).to_lowercase()
        };
        let forms = [
            CANARY.to_lowercase(),
            // a part of it counts
            CANARY[..8].to_lowercase(),
            CANARY[8..].to_lowercase(),
            list(u8::to_string, ", "),
            list(|byte| format!("{byte:02x}"), ""),
            list(|byte| format!("{byte:02x}"), ", "),
            list(u8::to_string, ",\n    "),
        ];
        forms.into_iter().find(|form| text.contains(form))
    }
}

impl io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Printed {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Resolves, and prints what may be printed. Says what came out, to make sure that the path meant
/// was taken.
async fn probe(printed: &Printed, credential: impl Into<Credential>) -> Result<String, String> {
    let credential = credential.into();
    printed.debug(&credential);
    let outcome = credential.resolve().await;
    printed.debug(&outcome);
    credential.invalidate();
    printed.debug(&credential);
    match outcome {
        Ok(secret) => Ok(secret.expose_secret().to_owned()),
        Err(error) => {
            printed.error(&error);
            Err(error.to_string())
        }
    }
}

#[derive(Debug, Clone)]
#[expect(dead_code, reason = "only its Debug shows it: that is the leak")]
struct Careless(String);

impl Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("careless")
    }
}

impl Error for Careless {}

#[test]
fn the_search_finds_planted_leaks() {
    assert_eq!(Printed::default().leak(), None);
    let leaks = |plant: &dyn Fn(&Printed)| {
        let printed = Printed::default();
        plant(&printed);
        printed.leak().is_some()
    };
    assert!(leaks(&|printed| printed.error(&CredentialError::new(CANARY))));
    // only in the Debug of the source
    let hidden = CredentialError::with_source("x", Careless(CANARY.to_owned()));
    assert!(!hidden.to_string().contains(CANARY));
    assert!(leaks(&|printed| printed.error(&hidden)));
    assert!(leaks(&|printed| printed.debug(&Some(CANARY.as_bytes()))));
    assert!(leaks(&|printed| printed.debug(&CANARY.to_uppercase())));
    assert!(leaks(&|printed| printed.note("63416e4172592d3766336139316432")));
    assert!(leaks(&|printed| printed.note("cAnArY-7...")));
    // in the log
    let printed = Printed::default();
    let subscriber = tracing_subscriber::fmt().with_writer(printed.clone()).finish();
    tracing::subscriber::with_default(subscriber, || tracing::warn!(secret = CANARY, "x"));
    assert!(printed.leak().is_some());
    assert!(!leaks(&|printed| printed.error(&CredentialError::new("harmless"))));
}

#[tokio::test]
async fn nothing_holds_the_secret() {
    let printed = Printed::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(printed.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let dir = tempfile::tempdir().unwrap();

    literals_and_closures(&printed).await;
    environment(&printed).await;
    files(&printed, dir.path()).await;
    #[cfg(unix)]
    commands(&printed, dir.path()).await;
    values(&printed);
    fields(&printed).await;
    references(&printed);

    let log = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the earlier value serves"), "the log must be part of this");
    assert_eq!(printed.leak(), None, "{log}");
}

async fn literals_and_closures(printed: &Printed) {
    assert_eq!(probe(printed, CANARY).await.as_deref(), Ok(CANARY));
    assert_eq!(probe(printed, SecretString::from(CANARY)).await.as_deref(), Ok(CANARY));
    let closure = Credential::from_fn(|| Ok(CANARY));
    assert_eq!(probe(printed, closure).await.as_deref(), Ok(CANARY));
    let captured = CANARY.to_owned();
    let closure = Credential::from_async_fn(move || {
        let captured = captured.clone();
        async move { Ok(Some(captured)) }
    });
    assert_eq!(probe(printed, closure).await.as_deref(), Ok(CANARY));
}

async fn environment(printed: &Printed) {
    let default = EnvVar::new("SURELY_NOT_SET_1234").or(CANARY);
    printed.debug(&default);
    assert_eq!(probe(printed, default).await.as_deref(), Ok(CANARY));
    // a value that is not Unicode: see the unit tests of env.rs
}

async fn files(printed: &Printed, dir: &Path) {
    let path = dir.join("secret");
    let file = || SecretFile::new(&path);
    printed.debug(&file());
    for (contents, outcome) in [
        (CANARY.as_bytes().to_vec(), Ok(CANARY)),
        ([CANARY.as_bytes(), b"\xff"].concat(), Err("is not valid UTF-8")),
        (CANARY.as_bytes().repeat(10_000), Err("is larger than")),
    ] {
        fs::write(&path, contents).unwrap();
        let came = probe(printed, file()).await;
        assert!(matches(&came, outcome), "{came:?}");
    }
    for (contents, outcome) in field_cases() {
        fs::write(&path, contents).unwrap();
        let came = probe(printed, file().field("k")).await;
        assert!(matches(&came, outcome), "{came:?}");
    }
}

#[cfg(unix)]
async fn commands(printed: &Printed, dir: &Path) {
    use std::time::Duration;

    use mstr_credentials::SecretCommand;

    let script = dir.join("script");
    let run = |text: &str, limit: Duration| {
        fs::write(&script, text).unwrap();
        SecretCommand::new(["sh".as_ref(), script.as_os_str()]).with_timeout(limit)
    };
    let limit = Duration::from_secs(30);
    for (text, outcome) in [
        (format!("echo {CANARY}"), Ok(CANARY)),
        (format!("echo {CANARY}; exit 1"), Err("failed (exit status: 1)")),
        (format!("echo {CANARY}; echo {CANARY} >&2; exit 1"), Err("failed (exit status: 1)")),
        (format!("echo; echo {CANARY}"), Err("an empty first line")),
        (format!("printf '{CANARY}\\377'"), Err("is not valid UTF-8")),
        (format!("while :; do echo {CANARY}; done"), Err("printed more than")),
    ] {
        let command = run(&text, limit);
        printed.debug(&command);
        let came = probe(printed, command).await;
        assert!(matches(&came, outcome), "{came:?}");
    }
    let slow = run(&format!("printf {CANARY}; sleep 60"), Duration::from_millis(100));
    assert!(matches(&probe(printed, slow).await, Err("was killed after")));

    for (contents, outcome) in field_cases() {
        let file = dir.join("out");
        fs::write(&file, contents).unwrap();
        let command = SecretCommand::new(["cat".as_ref(), file.as_os_str()]).cached();
        printed.debug(&command);
        let came = probe(printed, command.field("k")).await;
        assert!(matches(&came, outcome), "{came:?}");
    }

    // the secret among the arguments
    for argv in [
        vec!["/no/such/program", CANARY],
        vec!["sh", "-c", "echo \"bad password '$0'\" >&2; exit 1", CANARY],
        vec!["sh", "-c", "echo \"bad option: $0\" >&2; exit 1", "--password=cAnArY-7f3a91d2"],
        vec!["sh", "-c", "echo 'user dave:cAnArY-7f3a91d2 refused' >&2; exit 1"],
        vec!["sh", "-c", "printf '\\ncAnArY-7f3a91d2' "],
        vec!["sh -c 'login cAnArY-7f3a91d2'"],
    ] {
        let command = SecretCommand::new(argv);
        printed.debug(&command);
        printed.debug(&command.clone().cached());
        assert!(probe(printed, command).await.is_err());
    }
}

fn values(printed: &Printed) {
    for (contents, _) in field_cases() {
        let value = SecretValue::from(contents);
        printed.debug(&value);
        printed.debug(&value.text("s"));
        printed.debug(&value.field("s", "k"));
        if let Err(error) = value.field("s", "k") {
            printed.error(&error);
        }
    }
}

async fn fields(printed: &Printed) {
    for (contents, outcome) in field_cases() {
        let secret = CachedSecret::new("vault secret s", move || {
            let contents = contents.clone();
            async move { Ok(contents) }
        });
        printed.debug(&secret);
        printed.debug(&secret.field("k"));
        let came = probe(printed, secret.field("k")).await;
        assert!(matches(&came, outcome), "{came:?}");
        printed.debug(&probe(printed, secret).await.is_ok());
    }
    // a failing refresh: the old value serves and that is logged
    let calls = Arc::new(Mutex::new(0));
    let secret = CachedSecret::new("vault secret s", move || {
        let calls = Arc::clone(&calls);
        async move {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            if *calls > 1 { Err(CredentialError::new("sealed")) } else { Ok(CANARY) }
        }
    });
    assert_eq!(probe(printed, secret.clone()).await.as_deref(), Ok(CANARY));
    assert_eq!(probe(printed, secret.clone()).await.as_deref(), Ok(CANARY));
    assert_eq!(probe(printed, secret).await, Err("sealed".to_owned()));
}

fn references(printed: &Printed) {
    let mut references = References::default();
    references.register_unavailable("aws-sm", "aws");
    printed.debug(&references);
    for text in [
        CANARY.to_owned(),
        format!("{CANARY}:{CANARY}"),
        format!("env:X?{CANARY}={CANARY}"),
        format!("cmd:op '{CANARY}"),
        format!("file:%{CANARY}"),
        format!("aws-sm:{CANARY}#{CANARY}"),
    ] {
        printed.error(&references.credential(&text).unwrap_err());
        if let Ok(reference) = Reference::parse(&text) {
            printed.debug(&reference);
        }
    }
    printed.debug(&references.credential(&format!("cmd:op {CANARY}")));
    printed.debug(&references.credential(&format!("cmd:op {CANARY}#field")));
}

/// What a source may hold when its field `k` is asked for.
fn field_cases() -> Vec<(Vec<u8>, Result<&'static str, &'static str>)> {
    let text = |text: String| text.into_bytes();
    vec![
        (text(format!(r#"{{"k": "{CANARY}"}}"#)), Ok(CANARY)),
        (text(CANARY.to_owned()), Err("is not JSON")),
        (text(format!(r#"{{"k": "{CANARY}""#)), Err("is not JSON")),
        (text(format!(r#""{CANARY}""#)), Err("is not a JSON object")),
        (text(format!(r#"{{"other": "{CANARY}"}}"#)), Err("has no field")),
        (text(format!(r#"{{"{CANARY}": 1}}"#)), Err("has no field")),
        (text(format!(r#"{{"x": "{CANARY}", "k": null}}"#)), Err("has null")),
        (text(format!(r#"{{"x": "{CANARY}", "k": true}}"#)), Err("has a boolean")),
        (text(format!(r#"{{"k": ["{CANARY}"]}}"#)), Err("has a list")),
        (text(format!(r#"{{"k": {{"x": "{CANARY}"}}}}"#)), Err("has an object")),
        (text(format!(r#"{{"k": "{CANARY}\ud800"}}"#)), Err("no character")),
        ([CANARY.as_bytes(), b"\xff"].concat(), Err("is not valid UTF-8")),
    ]
}

fn matches(came: &Result<String, String>, expected: Result<&str, &str>) -> bool {
    match (came, expected) {
        (Ok(came), Ok(expected)) => came == expected,
        (Err(came), Err(expected)) => came.contains(expected),
        _ => false,
    }
}
