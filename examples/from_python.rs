//! Takes up a session of a Python program, and hands one back: snapshots in the form of
//! mstr-rest-requests 1.x and 2.x.
//!
//! ```text
//! python examples/from_python.py save session.json      # logs in, and saves
//! cargo run --example from_python -- restore session.json
//! cargo run --example from_python -- save session.json  # logs in, with the quickstart's variables
//! python examples/from_python.py restore session.json
//! ```
//!
//! Without arguments it does both against a simulated server. Whoever can read the file has the
//! session: it is made with mode 0600.
#![allow(clippy::print_stdout)]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use mstr_examples::Place;
use mstr_rest::persist::SessionSnapshot;
use mstr_rest::prelude::*;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["save", file] => save(Place::find().await?.builder, Path::new(file)).await,
        ["restore", file] => restore(Path::new(file)).await,
        ["hand-back", from, to] => hand_back(Path::new(from), Path::new(to)).await,
        [] => {
            let place = Place::find().await?;
            let name = format!("mstr-from-python-{}.json", std::process::id());
            let file = std::env::temp_dir().join(name);
            save(place.builder, &file).await?;
            let restored = restore(&file).await;
            std::fs::remove_file(file)?;
            restored
        }
        _ => Err("arguments: save FILE, restore FILE, or hand-back FROM TO".into()),
    }
}

/// Logs in and leaves the session to the program that reads the file.
async fn save(builder: SessionBuilder, file: &Path) -> Result {
    let session = builder.connect().await?;
    write(&session, file)?;
    let session = session.detach();
    println!("saved a session at {}", session.base_url());
    Ok(())
}

/// Uses the session of the file.
async fn restore(file: &Path) -> Result {
    let session = read(file)?;
    if !session.is_alive().await? {
        return Err("the server no longer knows the session".into());
    }
    println!("user: {}", session.user_info().await?.full_name);
    println!("projects: {}", session.projects().list().await?.len());
    Ok(())
}

/// Uses the session of one file, and writes what it has become to another.
async fn hand_back(from: &Path, to: &Path) -> Result {
    let session = read(from)?;
    session.extend_session().await?;
    write(&session, to)
}

fn read(file: &Path) -> Result<Session> {
    let snapshot = SessionSnapshot::from_python_json(&std::fs::read_to_string(file)?)?;
    Ok(Session::from_snapshot(&snapshot)?)
}

fn write(session: &Session, file: &Path) -> Result {
    let json = session.snapshot().to_python_json()?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(file)?.write_all(json.expose_secret().as_bytes())?)
}
