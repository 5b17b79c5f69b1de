//! Steps that save a session, and make one of what was saved.

use mstr_rest_core::{Error, Session};
use mstr_rest_persist::{SessionSnapshot, SnapshotExt};
use serde_json::{Value, json};

use crate::case::Options;
use crate::client::Client;
use crate::drive::{Driver, Outcome};

/// Puts a snapshot of the session's origin into the session; one of another origin makes another
/// session, for a base URL never changes.
pub(crate) fn restore(driver: &Driver<'_>, json: &str) -> Result<Outcome, String> {
    let snapshot = match SessionSnapshot::from_python_json(json) {
        Ok(snapshot) => snapshot,
        Err(error) => return Ok(error.into()),
    };
    if let Ok(session) = driver.session()
        && session.base_url() == snapshot.base_url()
    {
        return Ok(session.restore(&snapshot).map_or_else(Outcome::from, |()| Outcome::default()));
    }
    replace(driver, &snapshot, &driver.case.given.session)
}

/// Keeps the whole snapshot, and shows it in the form of the Python packages.
pub(crate) fn save(driver: &Driver<'_>) -> Result<Outcome, String> {
    let saved = driver.session().and_then(|session| {
        let snapshot = session.snapshot();
        let json = snapshot.to_python_json()?;
        *driver.saved.borrow_mut() = Some(snapshot);
        Ok(json)
    });
    match saved {
        Ok(json) => {
            let shown = serde_json::from_str(json.expose_secret());
            let shown: Value = shown.map_err(|error| format!("the snapshot: {error}"))?;
            Ok(Outcome { snapshot: Some(shown), ..Outcome::default() })
        }
        Err(error) => Ok(error.into()),
    }
}

/// Makes another session, of what is given or of what was saved.
pub(crate) fn new_from(
    driver: &Driver<'_>,
    data: Option<&Value>,
    options: Option<&Options>,
) -> Result<Outcome, String> {
    let snapshot = match data {
        Some(data) => SessionSnapshot::from_python_json(&data.to_string()),
        None => {
            let saved = driver.saved.borrow();
            let saved = saved.as_ref().ok_or("nothing was saved")?;
            // as another process would get it
            saved.to_json().and_then(|json| SessionSnapshot::from_json(json.expose_secret()))
        }
    };
    match snapshot {
        Ok(snapshot) => replace(driver, &snapshot, options.unwrap_or(&driver.case.given.session)),
        Err(error) => Ok(error.into()),
    }
}

fn replace(
    driver: &Driver<'_>,
    snapshot: &SessionSnapshot,
    options: &Options,
) -> Result<Outcome, String> {
    Ok(match made(driver, snapshot, options)? {
        Ok(session) => {
            *driver.session.borrow_mut() = Ok(session);
            Outcome::default()
        }
        Err(error) => error.into(),
    })
}

fn made(
    driver: &Driver<'_>,
    snapshot: &SessionSnapshot,
    options: &Options,
) -> Result<Result<Session, Error>, String> {
    let builder = Client::elsewhere(options, &driver.proxy, snapshot.base_url().as_str())?;
    Ok(builder.build().and_then(|session| {
        session.restore(snapshot)?;
        Ok(session)
    }))
}

/// The host that a restored cookie goes to. There is no function that tells.
pub(crate) async fn cookie_domain(driver: &Driver<'_>, url: &str) -> Result<Outcome, String> {
    let saved = json!({"base_url": url, "cookies": {"name": "value"}, "headers": {}});
    let snapshot = match SessionSnapshot::from_python_json(&saved.to_string()) {
        Ok(snapshot) => snapshot,
        Err(error) => return Ok(error.into()),
    };
    let session = match made(driver, &snapshot, &driver.case.given.session)? {
        Ok(session) => session,
        Err(error) => return Ok(error.into()),
    };
    if let Err(error) = session.get("").await {
        return Ok(error.into());
    }
    let script = driver.server.script.borrow();
    let seen = script.requests.last().filter(|seen| seen.values("cookie") == ["name=value"]);
    let host = seen.and_then(|seen| url::Url::parse(&seen.url).ok()?.host_str().map(Value::from));
    Ok(Outcome::value(host.unwrap_or_default()))
}
