//! `mstr status`.

use std::time::{Duration, SystemTime};

use mstr_rest::persist::{SessionSnapshot, SnapshotStore as _};
use mstr_rest::prelude::*;
use serde_json::json;

use crate::{
    context::{Context, Origin, store},
    failure::{Failure, Result, code},
    output::{Format, Record},
};

/// Never logs in: it says what there is. Fails when there is no live session.
pub(crate) async fn run(context: &Context, format: Format) -> Result {
    let mut record = Record::default();
    let mut say = |what: &'static str, value: String| record.say(what, value);
    let (name, profile) = match context.origin()? {
        Origin::Environment => {
            say("from", "environment (MSTR_BASE_URL): each command logs in and out".into());
            record.print(format)?;
            return Ok(());
        }
        Origin::Profile(name, profile) => (name, profile),
    };
    say("profile", name.clone());
    say("url", profile.url.clone());
    say("mode", profile.mode.name().to_owned());
    if let Some(username) = &profile.username {
        say("username", username.clone());
    }
    if let Some(project) = &profile.project {
        say("project", project.clone());
    }
    let snapshot = store()?.load(&name).await?.filter(SessionSnapshot::has_session);
    let alive = match &snapshot {
        None => false,
        Some(snapshot) => {
            let builder = context.builder(&profile, None)?;
            let session = builder.restore(snapshot).await?;
            if let Ok(server) = session.server().status().await {
                say("server", json!(server.iserver_version).as_str().unwrap_or("?").to_owned());
            }
            if let Some(age) = snapshot.created_at.and_then(age) {
                say("logged in", format!("{age} ago"));
            }
            if let Some(timeout) = snapshot.idle_timeout {
                say("idle timeout", minutes(timeout));
            }
            session.is_alive().await?
        }
    };
    let state = match (&snapshot, alive) {
        (_, true) => "alive",
        (Some(_), false) => "expired",
        (None, _) => "not logged in",
    };
    say("session", state.to_owned());
    record.print(format)?;
    if alive || profile.logs_in_alone() {
        return Ok(());
    }
    Err(Failure::new(code::AUTH, format!("profile {name}: {state}"))
        .hint(format!("mstr login --profile {name}")))
}

fn age(since: SystemTime) -> Option<String> {
    SystemTime::now().duration_since(since).ok().map(minutes)
}

fn minutes(time: Duration) -> String {
    match time.as_secs() / 60 {
        0 => "less than a minute".into(),
        1 => "1 minute".into(),
        minutes if minutes < 120 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes / 60),
    }
}
