//! An endpoint that this crate does not have: write it as an extension trait, and it is as good as
//! ours. It gets the login, project names, limits and errors of the session for nothing.
//!
//! `cargo run --example own_endpoint`
#![allow(clippy::print_stdout)]

use mstr_examples::Place;
use mstr_rest::prelude::*;
use serde::Deserialize;

/// What the endpoint answers with. Members that may be missing are `Option`s.
#[derive(Debug, Deserialize)]
struct Privileges {
    #[serde(default)]
    privileges: Vec<Privilege>,
}

#[derive(Debug, Deserialize)]
struct Privilege {
    #[serde(default)]
    name: Option<String>,
}

/// The door: `use` the trait, and every session has the method.
trait MyPrivilegesExt {
    /// `GET /sessions/privileges`
    fn my_privileges(&self) -> Call<Privileges>;

    /// The number of them: one value out of the same reply.
    fn my_privilege_count(&self) -> Call<usize> {
        self.my_privileges().map(|all| Ok(all.privileges.len()))
    }
}

impl MyPrivilegesExt for Session {
    fn my_privileges(&self) -> Call<Privileges> {
        // inert until it is awaited; `require_session` fails early when nobody is logged in
        self.get("sessions/privileges").require_session().decode()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    let session = place.builder.connect().await?;
    println!("{}", session.my_privileges().curl());
    for privilege in session.my_privileges().await?.privileges.iter().take(5) {
        println!("{}", privilege.name.as_deref().unwrap_or("(without a name)"));
    }
    println!("{} privileges", session.my_privilege_count().await?);
    session.close().await?;
    Ok(())
}
