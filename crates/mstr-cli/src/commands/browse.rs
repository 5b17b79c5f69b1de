//! `mstr ls`, `find`, `object`, `users` and `groups`: what is on the server.

use std::time::SystemTime;

use clap::Args;
use mstr_rest::api::{Object, ObjectType, SearchPattern};
use mstr_rest::prelude::*;

use crate::{
    context::Context,
    failure::Result,
    output::{Format, Table},
};

/// List what is in a folder of the project
///
/// Examples:
///   mstr ls --project Tutorial
///   mstr ls '/Public Objects/Reports' --project Tutorial
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Ls {
    /// The folder: its path or its id  [default: the folders at the top]
    folder: Option<String>,
    #[command(flatten)]
    format: Format,
}

impl Ls {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                let folders = session.folders();
                let objects = match self.folder.as_deref() {
                    None | Some("/") => folders.root().await?,
                    Some(id) if is_id(id) => folders.contents(id).await?,
                    Some(path) => {
                        let folder = folders.find(path).await?;
                        folders.contents(&folder.id).await?
                    }
                };
                objects_table(&objects).print(self.format, "the folder is empty")
            })
            .await
    }
}

/// Find objects by name
///
/// Examples:
///   mstr find Sales --project Tutorial
///   mstr find 'Monthly' --type report --type document --in FOLDER_ID
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Find {
    /// What the name contains
    name: String,
    /// Only this type: report, metric, attribute, folder, document .. or its number; repeatable
    #[arg(long = "type", value_name = "TYPE")]
    kind: Vec<ObjectType>,
    /// Only below this folder
    #[arg(long = "in", value_name = "FOLDER_ID")]
    folder: Option<String>,
    /// The whole name, not a part of it
    #[arg(long)]
    exact: bool,
    /// No more than these
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u64>,
    #[command(flatten)]
    format: Format,
}

impl Find {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                let pattern =
                    if self.exact { SearchPattern::Exactly } else { SearchPattern::Contains };
                let mut search = session.search().name(&self.name).pattern(pattern);
                for kind in &self.kind {
                    search = search.kind(*kind);
                }
                if let Some(folder) = &self.folder {
                    search = search.in_folder(folder);
                }
                if let Some(limit) = self.limit {
                    search = search.limit(limit);
                }
                objects_table(&search.await?).print(self.format, "nothing has that name")
            })
            .await
    }
}

/// Show an object: what it is, where it is, and who may do what with it.
#[derive(Args, Debug)]
pub(crate) struct ObjectOf {
    /// Its id
    id: String,
    /// Its type: report (also cubes), metric, attribute, folder, document .. or its number
    #[arg(long = "type", value_name = "TYPE", default_value = "report")]
    kind: ObjectType,
    #[command(flatten)]
    format: Format,
}

impl ObjectOf {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                let object = session.objects().get(&self.id, self.kind).await?;
                let mut table = Table::new(&["What", "Value"]);
                let mut say = |what: &str, value: String| table.row([what.to_owned(), value]);
                say("name", object.name.clone());
                say("id", object.id.clone());
                say("type", kind(&object));
                say("path", object.path());
                say("description", object.description.clone().unwrap_or_default());
                say("owner", object.owner.clone().map(|owner| owner.name).unwrap_or_default());
                say("created", date(object.date_created));
                say("modified", date(object.date_modified));
                for entry in &object.acl {
                    let deny = if entry.deny == Some(true) { "denied: " } else { "" };
                    let who = if entry.trustee_name.is_empty() {
                        &entry.trustee_id
                    } else {
                        &entry.trustee_name
                    };
                    say("access", format!("{who}: {deny}{}", entry.rights));
                }
                table.print(self.format, "")
            })
            .await
    }
}

/// List the users.
#[derive(Args, Debug)]
pub(crate) struct Users {
    /// Only those whose name begins with this
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    format: Format,
}

impl Users {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                let mut users = session.users().list();
                if let Some(name) = &self.name {
                    users = users.name_begins_with(name);
                }
                let mut table = Table::new(&["Id", "Login", "Name", "Enabled"]);
                for user in users.await? {
                    let login = user.login().unwrap_or_default().to_owned();
                    let enabled = user.enabled.map(|yes| yes.to_string()).unwrap_or_default();
                    table.row([user.id, login, user.full_name.unwrap_or(user.name), enabled]);
                }
                table.print(self.format, "no users")
            })
            .await
    }
}

/// List the user groups, or the members of one.
#[derive(Args, Debug)]
pub(crate) struct Groups {
    /// The members of this group
    #[arg(long, value_name = "GROUP_ID")]
    members: Option<String>,
    #[command(flatten)]
    format: Format,
}

impl Groups {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                let mut table = Table::new(&["Id", "Name"]);
                match &self.members {
                    Some(group) => {
                        for user in session.user_groups().members(group).await? {
                            table.row([user.id, user.full_name.unwrap_or(user.name)]);
                        }
                    }
                    None => {
                        for group in session.user_groups().list().await? {
                            table.row([group.id, group.name]);
                        }
                    }
                }
                table.print(self.format, "no groups")
            })
            .await
    }
}

fn objects_table(objects: &[Object]) -> Table {
    let mut table = Table::new(&["Id", "Type", "Name", "Modified", "Owner"]);
    for object in objects {
        table.row([
            object.id.clone(),
            kind(object),
            object.name.clone(),
            date(object.date_modified),
            object.owner.as_ref().map(|owner| owner.name.clone()).unwrap_or_default(),
        ]);
    }
    table
}

/// The type; those that bear the type of others by what people call them.
fn kind(object: &Object) -> String {
    match object.kind {
        _ if object.is_cube() => "cube".into(),
        _ if object.is_dashboard() => "dashboard".into(),
        kind => kind.to_string(),
    }
}

/// As ISO 8601 has it, in UTC, to the second.
pub(super) fn date(time: Option<SystemTime>) -> String {
    let time = time.and_then(|time| jiff::Timestamp::try_from(time).ok());
    time.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_scripts() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_435_701_335_999);
        assert_eq!(date(Some(time)), "2015-06-30T21:55:35Z");
        assert_eq!(date(None), "");
    }
}
