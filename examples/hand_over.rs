//! One process logs in, another uses the session.
//!
//! `cargo run --example hand_over`, with the variables of the quickstart for a real server. It
//! starts itself once more as the other process; the session goes through a file that nobody else
//! can read, never over a command line.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::process::Command;

use mstr_examples::Place;
use mstr_rest::persist::{FileStore, SnapshotStore};
use mstr_rest::prelude::*;

const PROFILE: &str = "hand-over";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args_os().nth(1) {
        Some(directory) => use_it(Path::new(&directory)).await,
        None => log_in().await,
    }
}

/// The first process.
async fn log_in() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let session = place.builder.connect().await?;
    let directory = std::env::temp_dir().join(format!("mstr-hand-over-{}", std::process::id()));
    let store = FileStore::new(&directory);
    store.save(PROFILE, &session.snapshot()).await?;

    let program = std::env::current_exe()?;
    let other = move || Command::new(program).arg(&directory).status().map(|s| (s, directory));
    let (status, directory) = tokio::task::spawn_blocking(other).await??;
    println!("the other process: {status}");

    store.delete(PROFILE).await?;
    std::fs::remove_dir_all(directory)?;
    // the guard still logs the session out: taking a snapshot does not change that
    session.close().await?;
    println!("logged out");
    if status.success() { Ok(()) } else { Err("the other process failed".into()) }
}

/// The other process: it has no password.
async fn use_it(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let snapshot = FileStore::new(directory).load(PROFILE).await?.ok_or("nothing was saved")?;
    println!(
        "  a session of {} at {}",
        snapshot.user.as_deref().unwrap_or("an unknown user"),
        snapshot.base_url()
    );
    let builder = Session::builder(snapshot.base_url().as_str()).environment_proxies(false);
    let session = builder.restore(&snapshot).await?;
    if !session.is_alive().await? {
        return Err("the server no longer knows the session".into());
    }
    for project in session.projects().list().await? {
        println!("  {}", project.name);
    }
    Ok(())
}
