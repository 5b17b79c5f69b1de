//! Tests of what the SDK reads from the environment and from files. Each case is a child process
//! with an environment of its own, since that of a process cannot be changed safely.
#![allow(clippy::print_stdout, reason = "the parent reads it")]

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use mstr_cloud_stub::leak;
use mstr_credentials::{Credential, References};
use mstr_credentials_aws::SecretsManagerSecret;
use tempfile::TempDir;

pub const CANARY: &str = "cAnArY-7f3a91d2";

/// Access keys and a region.
pub const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key"), ("AWS_REGION", "eu-west-1")];

/// What runs in the children: resolves the references in `REFERENCES` in turn, or with `LIMIT`
/// (milliseconds) a secret with that timeout, and prints what came of it. A URL among the references
/// is requested instead: the parent's server then changes its mind.
pub fn child() {
    let limit = env::var("LIMIT").ok();
    let texts = if limit.is_some() { "LIMIT".to_owned() } else { env::var("REFERENCES").unwrap() };
    let mut references = References::default();
    mstr_credentials_aws::register(&mut references);
    let credential = |text: &str| match &limit {
        Some(limit) => {
            let limit = Duration::from_millis(limit.parse().unwrap());
            SecretsManagerSecret::new("prod/mstr").with_timeout(limit).into()
        }
        None => references.credential(text).unwrap(),
    };
    // all of them at once, so that they share what can be shared
    let all: Vec<(&str, Option<Credential>)> = texts
        .split(' ')
        .map(|text| (text, (!text.starts_with("http://")).then(|| credential(text))))
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (text, credential) in all {
        let Some(credential) = credential else {
            request(text);
            continue;
        };
        match runtime.block_on(credential.resolve()) {
            Ok(secret) => println!("GIVEN {}", secret.expose_secret()),
            Err(error) => {
                let kind = error.vault_error().map(mstr_credentials::VaultError::kind);
                println!("FAILED {kind:?} {}", leak::printed(&error).replace('\n', " | "));
            }
        }
    }
}

/// `GET` of an `http://host:port/path`, and the end of its answer.
fn request(url: &str) {
    let (host, path) = url["http://".len()..].split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

/// Runs the child with this environment and no other, and gives what it printed.
pub fn run(environment: &[(&str, &str)]) -> Vec<String> {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "child", "--ignored", "--nocapture"]).env_clear();
    child.env("PATH", env::var_os("PATH").unwrap());
    let nowhere = "/nonexistent/aws";
    child.env("AWS_CONFIG_FILE", nowhere).env("AWS_SHARED_CREDENTIALS_FILE", nowhere);
    child.env("AWS_EC2_METADATA_DISABLED", "true").env("NO_PROXY", "127.0.0.1");
    child.envs(environment.iter().copied());
    let output = child.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    // the first line also holds the name of the test
    let found = |line: &str| {
        ["GIVEN ", "FAILED "].iter().find_map(|mark| Some(line[line.find(mark)?..].to_owned()))
    };
    printed.lines().filter_map(found).collect()
}

/// A file in a folder of its own.
pub fn file(name: &str, text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// A configuration file with profiles.
pub fn profiles(text: &str) -> (TempDir, String) {
    file("config", text)
}
