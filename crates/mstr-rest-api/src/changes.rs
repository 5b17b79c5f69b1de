//! Replies to changes: servers reply to the same change with or without a body.
//!
//! A change that was made is not an error because its reply is empty. A change that gives the
//! object reads it again then; a creation gives what is known: the id from `Location`, the rest
//! from the request.

use http::header;
use mstr_rest_core::{Call, Response, Result};
use serde::de::DeserializeOwned;

/// Whether a reply has no value to decode: no body, or `null`.
pub(crate) fn is_empty(reply: &Response) -> bool {
    matches!(reply.bytes().trim_ascii(), b"" | b"null")
}

/// A change: `None` if the reply is empty.
pub(crate) fn changed<T: DeserializeOwned>(call: Call<Response>) -> Call<Option<T>> {
    call.decode_with(|reply| if is_empty(reply) { Ok(None) } else { reply.json().map(Some) })
}

/// A change that gives the object as it is then: read by `get` if the reply is empty.
pub(crate) async fn changed_or_read<T>(call: Call<Response>, get: Call<T>) -> Result<T>
where
    T: DeserializeOwned + Send + 'static,
{
    match changed(call).await? {
        Some(object) => Ok(object),
        None => get.await,
    }
}

/// A creation: what `known` makes of the id if the reply is empty. The id is empty if there is no
/// `Location`.
pub(crate) fn made<T: DeserializeOwned>(
    call: Call<Response>,
    known: impl Fn(String) -> T + Send + Sync + 'static,
) -> Call<T> {
    call.decode_with(move |reply| {
        if is_empty(reply) {
            return Ok(known(located(reply).unwrap_or_default()));
        }
        reply.json()
    })
}

/// The id at the end of the header `Location`.
pub(crate) fn located(reply: &Response) -> Option<String> {
    let location = reply.headers().get(header::LOCATION)?.to_str().ok()?;
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let id = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    (!id.is_empty()).then(|| id.to_owned())
}
