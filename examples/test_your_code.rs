//! Testing your own code: the simulated server stands in for the real one, misbehaves as told, and
//! keeps a journal to look at. The tests below run with `cargo test`.
//!
//! `cargo run --example test_your_code`
#![allow(clippy::print_stdout)]

use mstr_rest::prelude::*;
use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, LibraryServer};

/// Your code: the names of all projects, sorted. An expired session is worth a second try.
async fn project_names(builder: &SessionBuilder) -> Result<Vec<String>, Error> {
    let ask = || {
        with_session(builder.clone(), async |session| {
            let mut names: Vec<_> =
                session.projects().list().await?.into_iter().map(|project| project.name).collect();
            names.sort();
            Ok(names)
        })
    };
    match ask().await {
        Err(error) if error.is_session_expired() => ask().await,
        result => result,
    }
}

/// A session for the simulated server.
fn builder(server: &LibraryServer) -> SessionBuilder {
    Session::builder(server.base_url())
        .environment_proxies(false)
        .auth(Auth::standard(DEFAULT_USER, DEFAULT_PASSWORD))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = LibraryServer::start().await?;
    println!("{:?}", project_names(&builder(&server)).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mstr_sim::{Fault, Method, Reply};

    #[tokio::test]
    async fn names_come_sorted() {
        let server =
            LibraryServer::builder().project("Sales").project("Finance").start().await.unwrap();
        assert_eq!(project_names(&builder(&server)).await.unwrap(), ["Finance", "Sales"]);
        assert!(server.sessions().is_empty(), "it logs out");
    }

    #[tokio::test]
    async fn an_expired_session_is_tried_once_more() {
        let server = LibraryServer::start().await.unwrap();
        let expired = Fault::reply(Reply::session_expired());
        server.inject(expired.on(Method::GET, "/projects").times(1));
        assert!(project_names(&builder(&server)).await.is_ok());
        assert_eq!(server.count(Method::POST, "/auth/login"), 2);
    }
}
