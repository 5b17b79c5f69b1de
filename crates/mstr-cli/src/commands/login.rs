//! `mstr login` and `mstr logout`.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::Args;
use mstr_rest::persist::{SessionSnapshot, SnapshotStore as _};
use mstr_rest::{Credential, Session};

use crate::{
    config::{Config, Mode, Places, Profile},
    context::{Context, base_url, store},
    failure::{Failure, Result},
    secret, signals,
};

/// Log in, and keep the session for the commands that follow
///
/// What is not given comes from the profile, if it is there already, and is asked for otherwise.
/// A secret is never an argument. Given as a reference, it is kept in the profile (the reference,
/// not the secret), and an expired session is renewed without you
///
/// Examples:
///   mstr login https://host/MicroStrategyLibrary --username dave
///   mstr login --secret-from aws-sm:prod/mstr#password
///   mstr login URL --profile ci --mode api-key --secret-stdin < key.txt
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Login {
    /// The server: https://host/MicroStrategyLibrary, as in a browser
    url: Option<String>,
    /// How to log in  [default: standard]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// The user's login name
    #[arg(long, short)]
    username: Option<String>,
    /// Where the password, API token or identity token is: env:NAME, file:/path, cmd:program, or
    /// a vault (aws-sm:, aws-ssm:, azure-kv:, gcp-sm:)
    #[arg(long, value_name = "REFERENCE", visible_alias = "password-from")]
    #[arg(conflicts_with = "secret_stdin")]
    secret_from: Option<String>,
    /// Read the secret from the first line of standard input; it is not kept
    #[arg(long, visible_alias = "password-stdin")]
    secret_stdin: bool,
    /// Trust the certificates of this file (PEM) too
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Login {
    pub(crate) async fn run(self, context: &Context) -> Result {
        let places = Places::find()?;
        let config = Config::load(&places)?;
        let name = context.global.profile.as_deref().or(config.default_profile());
        let name = name.unwrap_or("default").to_owned();
        check_name(&name)?;
        let before = config.profile(&name)?;
        let (profile, secret) = self.profile(before, context)?;

        let builder = context.builder(&profile, secret.as_ref())?;
        let guard = signals::unless_stopped(async { Ok(builder.connect().await?) }).await?;
        let store = store()?;
        let old = {
            // of logins to one profile at the same time, each ends the one before
            let _lock = Config::lock(&places).await?;
            let old = store.load(&name).await.ok().flatten();
            let mut config = Config::load(&places)?;
            config.set(&name, &profile);
            config.save()?;
            store.save(&name, &guard.snapshot()).await?;
            // saved: the next command uses it
            guard.detach();
            old
        };
        if let Some(old) = old {
            end(&old).await;
        }
        if !context.global.quiet {
            let who = profile.username.as_deref().unwrap_or(profile.mode.name());
            eprintln!("logged in to {} as {who} (profile {name})", profile.url);
            if env::var_os("MSTR_BASE_URL").is_some_and(|url| !url.is_empty()) {
                eprintln!(
                    "note: MSTR_BASE_URL is set: commands without --profile {name} use it instead"
                );
            }
        }
        Ok(())
    }

    /// The mode that was named, or that of the profile, if the other options fit it. A user name
    /// makes it a login of that user.
    fn mode(&self, before: Option<&Profile>) -> Result<Mode> {
        let known = self.mode.or(before.map(|before| before.mode));
        let mode = match known {
            Some(mode)
                if self.mode.is_none() && self.username.is_some() && !mode.has_username() =>
            {
                Mode::Standard
            }
            mode => mode.unwrap_or(Mode::Standard),
        };
        let unfit = |option: &str, what: &str| {
            let of = if self.mode.is_some() { "" } else { ", which is that of the profile" };
            Failure::usage(format!("{option} does not fit the mode {}{of}: it {what}", mode.name()))
                .hint("leave the option out, or say --mode standard, ldap, api-key or another one")
        };
        if self.username.is_some() && !mode.has_username() {
            return Err(unfit("--username", "has no user name"));
        }
        if mode.secret().is_none() && self.secret_from.is_some() {
            return Err(unfit("--secret-from", "has no secret"));
        }
        if mode.secret().is_none() && self.secret_stdin {
            return Err(unfit("--secret-stdin", "has no secret"));
        }
        match self.username.as_deref() {
            Some("") => Err(Failure::usage("--username is empty")),
            _ => Ok(mode),
        }
    }

    /// The profile to log in with, and the secret if it is not the profile's to name.
    fn profile(
        self,
        before: Option<Profile>,
        context: &Context,
    ) -> Result<(Profile, Option<Credential>)> {
        let url = match (&self.url, &before) {
            (Some(url), _) => base_url(url)?,
            (None, Some(before)) => before.url.clone(),
            (None, None) => base_url(&secret::ask("URL of the server", "URL")?)?,
        };
        // who logged in to another server does not matter here
        let before = before.filter(|before| before.url == url);
        let mode = self.mode(before.as_ref())?;
        let same_mode = before.as_ref().filter(|before| before.mode == mode);
        let username = match self.username.or(same_mode.and_then(|it| it.username.clone())) {
            _ if !mode.has_username() => None,
            Some(name) => Some(name),
            None => Some(secret::ask("Username", "--username")?),
        };
        let same_user = same_mode.filter(|before| before.username == username);
        let (reference, typed) = match mode.secret() {
            None => (None, None),
            Some(_) if self.secret_stdin => (None, Some(secret::from_stdin()?)),
            Some(what) => match self.secret_from.or(same_user.and_then(|it| it.secret.clone())) {
                Some(reference) => {
                    let reference = absolute_reference(&reference)?;
                    secret::from_reference(&reference)?;
                    (Some(reference), None)
                }
                None => (None, Some(secret::from_prompt(what)?)),
            },
        };
        let project = context.global.project.clone();
        let ca_file = self.ca_file.as_deref().map(absolute).transpose()?;
        let profile = Profile {
            url,
            mode,
            username,
            secret: reference,
            project: project.or(before.as_ref().and_then(|before| before.project.clone())),
            ca_file: ca_file.or(before.and_then(|before| before.ca_file)),
        };
        Ok((profile, typed))
    }
}

/// The same path from every folder.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Failure::file("find", path, &error))
}

/// A reference that means the same from every folder.
fn absolute_reference(reference: &str) -> Result<String> {
    match reference.strip_prefix("file:") {
        Some(path) if !path.is_empty() => {
            Ok(format!("file:{}", absolute(Path::new(path))?.display()))
        }
        _ => Ok(reference.to_owned()),
    }
}

/// What the file store takes as a name.
fn check_name(name: &str) -> Result {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(good) {
        return Ok(());
    }
    Err(Failure::usage("the name of a profile is made of letters, digits, `-`, `_` and `.`"))
}

/// The session that another one takes the place of. It is ours alone, and nobody waits for it.
pub(super) async fn end(old: &SessionSnapshot) {
    let Ok(session) = Session::from_snapshot(old) else { return };
    let timeout = std::time::Duration::from_secs(10);
    let _ = tokio::time::timeout(timeout, session.logout()).await;
}

/// End the session of a profile on the server and forget it. The profile stays.
#[derive(Args, Debug)]
pub(crate) struct Logout {
    /// The sessions of all profiles
    #[arg(long)]
    all: bool,
}

impl Logout {
    pub(crate) async fn run(self, context: &Context) -> Result {
        let config = Config::load(&Places::find()?)?;
        let names = if self.all {
            config.names()
        } else {
            let name = context.global.profile.as_deref().or(config.default_profile());
            vec![name.ok_or_else(|| Failure::usage("there is no profile"))?.to_owned()]
        };
        let store = store()?;
        let mut result = Ok(());
        for name in names {
            let Some(snapshot) = store.load(&name).await? else {
                if !self.all {
                    eprintln!("profile {name} is not logged in");
                }
                continue;
            };
            // its certificates, for one
            let session = match config.profile(&name)? {
                Some(profile) => {
                    context.builder(&profile, None)?.relogin(false).restore(&snapshot).await?
                }
                None => Session::from_snapshot(&snapshot)?,
            };
            match session.logout().await {
                Err(error) if !error.is_session_expired() => result = Err(error.into()),
                _ => {
                    store.delete(&name).await?;
                    if !context.global.quiet {
                        eprintln!("logged out of {} (profile {name})", snapshot.base_url());
                    }
                }
            }
        }
        result
    }
}
