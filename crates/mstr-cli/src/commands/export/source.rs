//! Which report or cube it is, by id or name.

use mstr_rest::api::{GridObject, Object, ObjectType, SearchPattern};
use mstr_rest::prelude::*;

use crate::commands::browse::is_id;
use crate::failure::{Failure, Result, code};

/// Asks the server: by id for its subtype, by name in a search of the project.
pub(in crate::commands) async fn find(session: &Session, what: &str) -> Result<GridObject> {
    let found = if is_id(what) {
        session.objects().get(what, ObjectType::Report).await?
    } else {
        by_name(session, what).await?
    };
    Ok(if found.is_cube() {
        session.cubes().cube(found.id).into()
    } else {
        session.reports().report(found.id).into()
    })
}

async fn by_name(session: &Session, name: &str) -> Result<Object> {
    let search = session.search().name(name).pattern(SearchPattern::Exactly);
    let mut found = search.kind(ObjectType::Report).limit(20).await?;
    // a server that knows no exact search finds more
    found.retain(|found| found.name.to_lowercase() == name.to_lowercase());
    if found.len() > 1 {
        found.retain(|found| found.name == name);
    }
    match (found.pop(), found.len()) {
        (None, _) => {
            Err(Failure::new(code::NOT_FOUND, format!("no report or cube is named {name:?}"))
                .hint("names count in one project: is it the right one? (--project)"))
        }
        (Some(one), 0) => Ok(one),
        (Some(last), _) => {
            let ids: Vec<_> = found.iter().chain([&last]).map(|found| found.id.as_str()).collect();
            let message = format!("several are named {name:?}: {}", ids.join(", "));
            Err(Failure::usage(message).hint("use the id"))
        }
    }
}
