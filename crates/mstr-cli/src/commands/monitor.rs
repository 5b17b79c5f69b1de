//! `mstr nodes`, `jobs`, `cubes` and `subs`: what the server is doing.

use std::time::Duration;

use clap::{Args, Subcommand};
use mstr_rest::{api::Object, prelude::*};

use super::export;
use crate::{
    cell::Cell,
    context::Context,
    duration,
    failure::{Failure, Result},
    output::{Format, Table},
};

/// List the nodes of the cluster.
#[derive(Args, Debug)]
pub(crate) struct Nodes {
    #[command(flatten)]
    format: Format,
}

impl Nodes {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                let mut table = Table::new(&["Name", "Status", "Load", "Projects"]);
                for node in session.cluster().nodes().await? {
                    table.row([
                        node.name.into(),
                        node.status.into(),
                        node.load.into(),
                        node.projects.len().into(),
                    ]);
                }
                table.print(self.format, "no nodes")
            })
            .await
    }
}

/// List the jobs that run, on all nodes, or cancel some.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    action: Option<JobAction>,
    #[command(flatten)]
    format: Format,
}

#[derive(Subcommand, Debug)]
enum JobAction {
    /// Cancel jobs
    Cancel {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

impl Jobs {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                if let Some(JobAction::Cancel { ids }) = &self.action {
                    for id in ids {
                        session.jobs().cancel(id).await?;
                    }
                    return Ok(());
                }
                let columns = &["Id", "Status", "User", "Object", "Project", "Since"];
                let mut table = Table::new(columns);
                for job in session.jobs().all().await? {
                    table.row([
                        job.id.into(),
                        job.status.into(),
                        job.user.into(),
                        job.object_name.or(job.description).into(),
                        job.project_name.into(),
                        job.creation_time.into(),
                    ]);
                }
                table.print(self.format, "no jobs run")
            })
            .await
    }
}

/// List the cubes of the project, or publish one.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Cubes {
    #[command(subcommand)]
    action: Option<CubeAction>,
    #[command(flatten)]
    format: Format,
}

#[derive(Subcommand, Debug)]
enum CubeAction {
    /// Publish a cube, and wait until it is
    Publish {
        /// Its id or name
        cube: String,
        /// Longest time to wait (90s, 10m, 2h); the server continues to publish afterwards
        #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration::parse)]
        execution_timeout: Duration,
    },
}

impl Cubes {
    pub(crate) async fn run(self, context: &Context) -> Result {
        let quiet = context.global.quiet;
        context
            .with_session(async |session| {
                if let Some(CubeAction::Publish { cube, execution_timeout }) = &self.action {
                    let object = export::find(&session, cube).await?;
                    let Some(cube) = object.as_cube() else {
                        return Err(Failure::usage(format!("{cube:?} is a report, and no cube")));
                    };
                    let publication = cube.publish().await?.timeout(*execution_timeout);
                    let publication = publication.on_progress(move |status| {
                        if !quiet {
                            eprintln!("{status}");
                        }
                    });
                    publication.wait().await?;
                    return Ok(());
                }
                let mut search = session.search();
                for subtype in Object::CUBE_SUBTYPES {
                    search = search.subtype(subtype);
                }
                let mut table = Table::new(&["Id", "Name", "Status", "Modified"]);
                for object in search.await? {
                    let status = match session.cubes().cube(&object.id).status().await {
                        Ok(status) => status.to_string(),
                        // of this cube: the others are listed
                        Err(error) if error.status().is_some() && !error.is_session_expired() => {
                            Failure::from(error).warn(&object.name);
                            "unreadable".to_owned()
                        }
                        Err(error) => return Err(error.into()),
                    };
                    let modified = object.date_modified;
                    table.row([
                        object.id.into(),
                        object.name.into(),
                        status.into(),
                        modified.into(),
                    ]);
                }
                table.print(self.format, "the project has no cubes")
            })
            .await
    }
}

/// List the subscriptions of the project, or send one now.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Subs {
    #[command(subcommand)]
    action: Option<SubAction>,
    #[command(flatten)]
    format: Format,
}

#[derive(Subcommand, Debug)]
enum SubAction {
    /// Send a subscription now
    Send {
        /// Its id
        id: String,
    },
}

impl Subs {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                if let Some(SubAction::Send { id }) = &self.action {
                    session.subscriptions().send(id).await?;
                    return Ok(());
                }
                let columns = &["Id", "Name", "Owner", "Delivery", "Schedules", "Recipients"];
                let mut table = Table::new(columns);
                for one in session.subscriptions().list().await? {
                    let mode = one.mode().map(ToOwned::to_owned);
                    let schedules = one.schedules.into_iter().map(|it| it.name.into());
                    table.row([
                        one.id.into(),
                        one.name.into(),
                        one.owner.map(|owner| owner.name).into(),
                        mode.into(),
                        Cell::List(schedules.collect()),
                        one.recipients.len().into(),
                    ]);
                }
                table.print(self.format, "no subscriptions")
            })
            .await
    }
}
