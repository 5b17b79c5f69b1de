//! `mstr profiles`.

use clap::{Args, Subcommand};
use mstr_rest::persist::SnapshotStore as _;

use super::login;
use crate::{
    cell::Cell,
    config::{Config, Places},
    context::store,
    failure::{Failure, Result},
    output::{Format, Table},
};

/// List, choose and remove profiles.
#[derive(Args, Debug)]
pub(crate) struct Profiles {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    format: Format,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Make a profile the default one
    Use {
        /// The profile
        name: String,
    },
    /// Remove a profile, and end its session
    Remove {
        /// The profile
        name: String,
    },
}

impl Profiles {
    pub(crate) async fn run(self) -> Result {
        let places = Places::find()?;
        let config = Config::load(&places)?;
        match self.action {
            None => {
                let mut table = Table::new(&["Name", "Default", "Url", "Mode", "Username"]);
                for name in config.names() {
                    let Some(profile) = config.profile(&name)? else { continue };
                    let default = config.default_profile() == Some(&name);
                    table.row([
                        name.into(),
                        Cell::Mark(default),
                        profile.url.into(),
                        profile.mode.name().into(),
                        profile.username.into(),
                    ]);
                }
                table.print(self.format, "no profiles: `mstr login URL` makes one")
            }
            Some(Action::Use { name }) => {
                known(&config, &name)?;
                Config::change(&places, |config| config.set_default(&name)).await
            }
            Some(Action::Remove { name }) => {
                known(&config, &name)?;
                Config::change(&places, |config| config.remove(&name)).await?;
                let store = store()?;
                // nobody could end it afterwards
                if let Some(session) = store.load(&name).await.ok().flatten() {
                    login::end(&session).await;
                }
                Ok(store.delete(&name).await?)
            }
        }
    }
}

fn known(config: &Config, name: &str) -> Result {
    if config.names().iter().any(|known| known == name) {
        return Ok(());
    }
    Err(Failure::usage(format!("there is no profile {name}")))
}
