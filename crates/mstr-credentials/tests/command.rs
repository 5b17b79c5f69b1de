//! Commands as sources.
#![allow(clippy::unwrap_used, reason = "a test")]
#![cfg(unix)]

use std::{
    fs::File,
    future::Future,
    io::{Read, Write},
    pin::pin,
    process::{Command, Stdio},
    task::{Context, Poll, Waker},
    time::Duration,
};

use mstr_credentials::{Credential, CredentialError, MAX_SECRET_BYTES, SecretCommand};

fn sh(script: &str) -> SecretCommand {
    SecretCommand::new(["sh", "-c", script])
}

async fn text(command: impl Into<Credential>) -> Result<String, CredentialError> {
    command.into().resolve().await.map(|secret| secret.expose_secret().to_owned())
}

async fn error(command: impl Into<Credential>) -> CredentialError {
    text(command).await.unwrap_err()
}

#[tokio::test]
async fn the_first_line_is_the_secret() {
    for (script, expected) in [
        ("echo s3cret", "s3cret"),
        ("printf s3cret", "s3cret"),
        ("printf 's3cret\\r\\nurl: x\\n'", "s3cret"),
        ("printf ' s3 cret \\n'", " s3 cret "),
        ("echo s3cret; echo chatter >&2", "s3cret"),
    ] {
        assert_eq!(text(sh(script)).await.unwrap(), expected, "{script}");
    }
}

#[tokio::test]
async fn arguments_are_passed_as_they_are() {
    let command = Credential::command(["printf", "%s", "$HOME * `x` 'y' \"z\""]);
    assert_eq!(text(command).await.unwrap(), "$HOME * `x` 'y' \"z\"");
}

#[tokio::test]
async fn it_runs_at_every_resolve() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("runs");
    let script = format!("echo x >> '{0}'; wc -l < '{0}' | tr -d ' '", file.display());
    let credential = Credential::from(sh(&script));
    assert!(!file.exists(), "making it must not run it");
    assert_eq!(text(&credential).await.unwrap(), "1");
    assert_eq!(text(&credential).await.unwrap(), "2");
}

#[tokio::test]
async fn standard_input_is_closed() {
    const AGAIN: &str = "MSTR_CREDENTIALS_TEST_STDIN";
    if std::env::var_os(AGAIN).is_some() {
        assert_eq!(text(sh("cat; echo end")).await.unwrap(), "end");
        return;
    }
    // This process may have no input to begin with: once more with one.
    let mut again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "standard_input_is_closed"])
        .env(AGAIN, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    again.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    assert!(again.wait().unwrap().success());
}

#[tokio::test]
async fn an_empty_first_line_is_missing() {
    for script in ["true", "echo", "printf '\\r\\n'", "echo; echo s3cret"] {
        let error = error(sh(script)).await;
        assert!(error.is_missing(), "{script}");
        assert_eq!(error.to_string(), "credential command sh printed an empty first line");
    }
}

#[tokio::test]
async fn failures_show_the_error_output_of_silent_commands_only() {
    let failed = error(sh("echo 'not signed in' >&2; exit 3")).await;
    assert!(!failed.is_missing());
    assert_eq!(
        failed.to_string(),
        // words of the script
        "credential command sh failed (exit status: 3): *** *** in"
    );

    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    std::fs::write(&script, "echo 'not signed in' >&2; exit 3").unwrap();
    let silent = SecretCommand::new(["sh".as_ref(), script.as_os_str()]);
    assert_eq!(
        error(silent).await.to_string(),
        "credential command sh failed (exit status: 3): not signed in"
    );

    std::fs::write(&script, "echo s3cret; echo 'cannot lock s3cret' >&2; exit 3").unwrap();
    let talking = SecretCommand::new(["sh".as_ref(), script.as_os_str()]);
    assert_eq!(error(talking).await.to_string(), "credential command sh failed (exit status: 3)");

    assert_eq!(
        error(sh("kill -9 $$")).await.to_string(),
        "credential command sh failed (signal: 9 (SIGKILL))"
    );
}

#[tokio::test]
async fn error_output_is_shortened_and_does_not_block_the_command() {
    let script = "i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; i=$((i+1)); done";
    assert_eq!(text(sh(&format!("{script}; echo s3cret"))).await.unwrap(), "s3cret");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("script");
    std::fs::write(&file, format!("{script}; exit 1")).unwrap();
    let error = error(SecretCommand::new(["sh".as_ref(), file.as_os_str()])).await.to_string();
    assert!(error.len() < 300 && error.ends_with("..."), "{error}");
}

#[tokio::test]
async fn output_is_bounded() {
    let print = |bytes: usize| sh(&format!("head -c {bytes} /dev/zero | tr '\\0' x"));
    assert_eq!(text(print(MAX_SECRET_BYTES)).await.unwrap().len(), MAX_SECRET_BYTES);
    assert_eq!(
        error(print(MAX_SECRET_BYTES + 1)).await.to_string(),
        "credential command sh printed more than 65536 bytes"
    );
    // one that never stops
    assert_eq!(
        error(Credential::command(["cat", "/dev/zero"])).await.to_string(),
        "credential command cat printed more than 65536 bytes"
    );
}

#[tokio::test]
async fn not_utf8_not_there_no_program() {
    assert_eq!(
        error(sh("printf 's3cret\\377'")).await.to_string(),
        "credential command sh is not valid UTF-8"
    );
    assert_eq!(
        error(Credential::command(["/no/such/program-1", "hunter2"])).await.to_string(),
        "credential command program-1 cannot be started"
    );
    assert_eq!(
        error(Credential::command(Vec::<String>::new())).await.to_string(),
        "credential command (none) has no program"
    );
    assert_eq!(
        error(Credential::command(["sh", "a\0b"])).await.to_string(),
        "credential command sh cannot be started"
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_killed_after_the_timeout() {
    assert_eq!(
        error(Credential::command(["sleep", "1000"])).await.to_string(),
        "credential command sleep was killed after 30s"
    );
    let patient = SecretCommand::new(["sleep", "1000"]).with_timeout(Duration::from_secs(120));
    let started = tokio::time::Instant::now();
    assert_eq!(error(patient).await.to_string(), "credential command sleep was killed after 120s");
    assert_eq!(started.elapsed().as_secs(), 120);
}

#[tokio::test]
async fn it_is_killed_when_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    // holds the FIFO open as long as it lives
    let script = format!("exec 3> '{}'; exec sleep 1000", fifo.display());
    let command = Credential::from(sh(&script));
    let resolving = tokio::spawn(async move { command.resolve().await.map(drop) });
    let alive = tokio::task::spawn_blocking(move || File::open(fifo).unwrap()).await.unwrap();
    resolving.abort();
    assert!(resolving.await.unwrap_err().is_cancelled());
    let ended = tokio::task::spawn_blocking(move || {
        let mut alive = alive;
        alive.read_to_end(&mut Vec::new())
    });
    assert_eq!(ended.await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn what_it_leaves_behind_is_not_waited_for() {
    // the background process holds standard output open for longer than the timeout
    assert_eq!(text(sh("sleep 60 & echo s3cret")).await.unwrap(), "s3cret");
    let failed = error(sh("sleep 60 & exit 4")).await;
    assert_eq!(failed.to_string(), "credential command sh failed (exit status: 4)");
}

#[tokio::test]
async fn one_run_for_all_fields() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs");
    let script = format!(
        r#"echo x >> '{}'; printf '{{"username": "dave",\n"password": "s3cret"}}\n'"#,
        runs.display()
    );
    let login = sh(&script).cached();
    let (username, password) =
        tokio::join!(text(login.field("username")), text(login.field("password")));
    assert_eq!((username.unwrap().as_str(), password.unwrap().as_str()), ("dave", "s3cret"));
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "x\n");
    login.invalidate();
    assert_eq!(text(login.field("password")).await.unwrap(), "s3cret");
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "x\nx\n");
    assert_eq!(login.name(), "credential command sh");
}

#[test]
fn outside_a_runtime_it_is_an_error() {
    let credential = Credential::command(["true"]);
    let future = pin!(credential.resolve());
    let Poll::Ready(Err(error)) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it can only fail");
    };
    assert_eq!(error.to_string(), "credential command true needs a tokio runtime");
}
