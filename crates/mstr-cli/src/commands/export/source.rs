//! Which report or cube it is, by id or name.

use mstr_rest::api::{
    Cube, Definition, GridRequest, Instance, Object, ObjectType, Report, SearchPattern,
};
use mstr_rest::prelude::*;

use crate::commands::browse::is_id;
use crate::failure::{Failure, Result, code};

#[derive(Debug)]
pub(in crate::commands) enum Source {
    Report(Report),
    Cube(Cube),
}

impl Source {
    pub(super) fn is_report(&self) -> bool {
        matches!(self, Self::Report(_))
    }

    pub(super) async fn definition(&self) -> Result<Definition> {
        Ok(match self {
            Self::Report(report) => report.definition().await?,
            Self::Cube(cube) => cube.definition().await?,
        })
    }

    pub(super) async fn run(&self, request: GridRequest) -> Result<Instance> {
        Ok(match self {
            Self::Report(report) => report.run(request).await?,
            Self::Cube(cube) => cube.run(request).await?,
        })
    }
}

/// Asks the server: by id for its subtype, by name in a search of the project.
pub(in crate::commands) async fn find(session: &Session, what: &str) -> Result<Source> {
    let found = if is_id(what) {
        session.objects().get(what, ObjectType::Report).await?
    } else {
        by_name(session, what).await?
    };
    Ok(if found.is_cube() {
        Source::Cube(session.cubes().cube(found.id))
    } else {
        Source::Report(session.reports().report(found.id))
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

/// Clears an instance away on the server when the command ends, however it ends.
#[derive(Debug)]
pub(super) struct Cleanup(Instance);

impl Cleanup {
    pub(super) fn of(instance: &Instance) -> Self {
        Self(instance.clone())
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.0.delete().in_background();
    }
}
