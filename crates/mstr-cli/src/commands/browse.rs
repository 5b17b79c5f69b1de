//! `mstr ls`, `find`, `object`, `users` and `groups`: what is on the server.

use clap::Args;
use mstr_rest::api::{Object, ObjectType, SearchPattern};
use mstr_rest::prelude::*;

use crate::{
    cell::Cell,
    context::Context,
    failure::Result,
    output::{Format, Record, Table},
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
                let mut record = Record::default();
                record.say("name", object.name.clone());
                record.say("id", object.id.clone());
                record.say("type", kind(&object));
                record.say("path", object.path());
                record.say("description", object.description.clone());
                record.say("owner", object.owner.clone().map(|owner| owner.name));
                record.say("created", object.date_created);
                record.say("modified", object.date_modified);
                let acl = object.acl.iter().map(|entry| {
                    let denied = entry.deny == Some(true);
                    let deny = if denied { "denied: " } else { "" };
                    let who = if entry.trustee_name.is_empty() {
                        &entry.trustee_id
                    } else {
                        &entry.trustee_name
                    };
                    let rights = entry.rights.to_string();
                    let members = vec![
                        ("trustee_id", entry.trustee_id.as_str().into()),
                        ("trustee", entry.trustee_name.as_str().into()),
                        ("denied", denied.into()),
                        ("rights", rights.as_str().into()),
                    ];
                    Cell::Object(format!("{who}: {deny}{rights}"), members)
                });
                record.say_as("access", "acl", Cell::List(acl.collect()));
                record.print(self.format)
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
                    let name = user.full_name.unwrap_or(user.name);
                    table.row([user.id.into(), login.into(), name.into(), user.enabled.into()]);
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
                            let name = user.full_name.unwrap_or(user.name);
                            table.row([user.id.into(), name.into()]);
                        }
                    }
                    None => {
                        for group in session.user_groups().list().await? {
                            table.row([group.id.into(), group.name.into()]);
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
            object.id.clone().into(),
            kind(object).into(),
            object.name.clone().into(),
            object.date_modified.into(),
            object.owner.as_ref().map(|owner| owner.name.clone()).into(),
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

pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
