//! `mstr projects`.

use mstr_rest::prelude::*;

use crate::{
    context::Context,
    failure::Result,
    output::{Format, Table},
};

pub(crate) async fn run(context: &Context, format: Format) -> Result {
    context
        .with_session(async |session| {
            let mut table = Table::new(&["Id", "Name", "Description"]);
            for project in session.projects().list().await? {
                table.row([project.id.into(), project.name.into(), project.description.into()]);
            }
            table.print(format, "no projects: the user may see none")
        })
        .await
}
