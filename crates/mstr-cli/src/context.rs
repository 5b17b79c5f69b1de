//! Whose session a command uses, and how it ends.

use std::{env, future::Future, path::Path, time::Duration};

use clap::{ArgAction, Args};
use mstr_rest::persist::{ConnectExt as _, FileStore, SessionSnapshot, SnapshotStore as _};
use mstr_rest::{
    Auth, AuthenticatedSession, Credential, ErrorKind, RetryPolicy, Session, SessionBuilder,
};
use url::Url;

use crate::{
    config::{Config, Mode, Places, Profile},
    duration,
    failure::{Failure, Result, code},
    hints, secret, signals,
};

/// What every command takes.
#[derive(Args, Debug, Clone)]
pub(crate) struct Global {
    /// Use this profile instead of the default one
    #[arg(long, global = true, env = "MSTR_PROFILE", value_name = "NAME", hide_env_values = true)]
    pub(crate) profile: Option<String>,
    /// Work in this project
    #[arg(
        long,
        global = true,
        env = "MSTR_PROJECT",
        value_name = "NAME|ID",
        hide_env_values = true
    )]
    pub(crate) project: Option<String>,
    /// Longest time without data from the server (90s, 10m, 2h). Executions of reports and cubes
    /// have limits of their own
    #[arg(
        long,
        global = true,
        env = "MSTR_TIMEOUT",
        value_name = "DURATION",
        default_value = "60s",
        hide_env_values = true,
        value_parser = timeout
    )]
    pub(crate) timeout: Duration,
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Show what is sent and received, without secrets; twice for more
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// An empty variable counts as not set.
fn timeout(text: &str) -> Result<Duration, String> {
    if text.is_empty() { Ok(TIMEOUT) } else { duration::parse(text) }
}

/// Of `--timeout`.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What every command knows.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
}

/// Where a command's session comes from.
pub(crate) enum Origin {
    /// A profile of the configuration: its session is kept for the next command.
    Profile(String, Profile),
    /// `MSTR_BASE_URL` and its like: logged in for this command, and out after it.
    Environment,
}

impl Context {
    /// # Errors
    /// If an option is empty. An empty variable counts as not set.
    pub(crate) fn new(mut global: Global) -> Result<Self> {
        global.profile = filled(global.profile, "--profile", "MSTR_PROFILE")?;
        global.project = filled(global.project, "--project", "MSTR_PROJECT")?;
        Ok(Self { global })
    }

    /// The profile that was named, else the environment, else the default profile.
    pub(crate) fn origin(&self) -> Result<Origin> {
        let environment = env::var_os("MSTR_BASE_URL").is_some_and(|url| !url.is_empty());
        if self.global.profile.is_none() && environment {
            return Ok(Origin::Environment);
        }
        let config = Config::load(&Places::find()?)?;
        let name = self.global.profile.as_deref().or(config.default_profile());
        let Some(name) = name else {
            let names = config.names();
            if !names.is_empty() {
                return Err(Failure::new(code::AUTH, "there is no default profile").hint(format!(
                    "--profile NAME, or `mstr profiles use NAME`; there are: {}",
                    names.join(", ")
                )));
            }
            return Err(Failure::new(code::AUTH, "there is no profile and no MSTR_BASE_URL")
                .hint("`mstr login URL` makes one; `mstr sim -- sh` gives you a server to try"));
        };
        match config.profile(name)? {
            Some(profile) => {
                hints::profile_is(name);
                Ok(Origin::Profile(name.to_owned(), profile))
            }
            None => Err(Failure::new(code::AUTH, format!("there is no profile {name}"))
                .hint(format!("`mstr login URL --profile {name}` makes it"))),
        }
    }

    /// The base URL and the project of requests. Nothing is sent to find them.
    pub(crate) fn target(&self) -> Result<(String, Option<String>)> {
        let (mut url, project) = match self.origin()? {
            Origin::Profile(_, profile) => (profile.url, profile.project),
            Origin::Environment => {
                let url = env::var("MSTR_BASE_URL").unwrap_or_default();
                if mstr_rest::references().is_reference(&url) {
                    return Err(Failure::usage("MSTR_BASE_URL is a reference, which is not read"));
                }
                (url, None)
            }
        };
        if !url.ends_with('/') {
            url.push('/');
        }
        Ok((url, self.global.project.clone().or(project)))
    }

    /// Sets a session up as the profile says; `secret` is there when somebody typed it.
    pub(crate) fn builder(
        &self,
        profile: &Profile,
        secret: Option<&Credential>,
    ) -> Result<SessionBuilder> {
        let mut builder = Session::builder(profile.url.as_str());
        if let Some(file) = &profile.ca_file {
            builder = builder.root_certificates_pem(read(file)?);
        }
        if secret.is_some() || profile.logs_in_alone() {
            builder = builder.auth(auth(profile, secret)?).relogin(true);
        }
        Ok(self.tuned(builder, profile.project.as_deref()))
    }

    /// What holds for sessions of every origin.
    fn tuned(&self, builder: SessionBuilder, project: Option<&str>) -> SessionBuilder {
        let timeout = self.global.timeout;
        let builder = builder
            .retry(RetryPolicy::default())
            .read_timeout(timeout)
            .connect_timeout(timeout.min(CONNECT_TIMEOUT));
        match self.global.project.as_deref().or(project) {
            Some(project) => builder.project(project),
            None => builder,
        }
    }

    /// Runs the command in a session. A signal to end drops what it does, which ends it on the
    /// server too.
    pub(crate) async fn with_session<F>(&self, work: impl FnOnce(Session) -> F) -> Result
    where
        F: Future<Output = Result>,
    {
        let opened = signals::unless_stopped(Box::pin(self.open())).await?;
        let result = signals::unless_stopped(Box::pin(work(opened.session.clone()))).await;
        let closed = signals::wind_down(async {
            // what was dropped may still have to tell the server so
            mstr_rest::settle().await;
            opened.close().await
        });
        result.and(closed.await)
    }

    async fn open(&self) -> Result<Opened> {
        let (name, profile) = match self.origin()? {
            Origin::Environment => {
                let guard =
                    self.tuned(mstr_rest::from_env()?.relogin(true), None).connect().await?;
                return Ok(Opened {
                    session: Session::clone(&guard),
                    kept: Kept::Temporary(guard),
                });
            }
            Origin::Profile(name, profile) => (name, profile),
        };
        let builder = self.builder(&profile, None)?;
        let store = store()?;
        let session = if profile.logs_in_alone() {
            match builder.clone().connect_or_restore(&store, &name).await {
                Ok(session) => session,
                // of this machine: the command can do without
                Err(error) if error.kind() == ErrorKind::Io => {
                    let guard = builder.connect().await?;
                    Failure::from(error).warn("the session is not kept");
                    let session = Session::clone(&guard);
                    return Ok(Opened { session, kept: Kept::Temporary(guard) });
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            let snapshot = store.load(&name).await?.filter(SessionSnapshot::has_session);
            let snapshot = snapshot.ok_or_else(|| {
                Failure::new(code::AUTH, format!("profile {name} is not logged in"))
                    .hint(format!("mstr login --profile {name}"))
            })?;
            builder.restore(&snapshot).await?
        };
        let restored = Box::new(session.snapshot());
        Ok(Opened { session, kept: Kept::Persistent { name, restored } })
    }
}

/// Where sessions are kept. What keeps none needs no home directory.
pub(crate) fn store() -> Result<FileStore> {
    Ok(FileStore::new(Places::find()?.sessions))
}

/// An option without its empty variable.
fn filled(value: Option<String>, option: &str, variable: &str) -> Result<Option<String>> {
    match value {
        Some(text) if text.is_empty() => match env::var_os(variable) {
            Some(set) if set.is_empty() => Ok(None),
            _ => Err(Failure::usage(format!("{option} is empty"))),
        },
        value => Ok(value),
    }
}

/// A session for one command.
struct Opened {
    session: Session,
    kept: Kept,
}

enum Kept {
    /// Saved for the next command, under that name.
    Persistent {
        name: String,
        restored: Box<SessionSnapshot>,
    },
    Temporary(AuthenticatedSession),
}

impl Opened {
    async fn close(self) -> Result {
        match self.kept {
            Kept::Temporary(guard) => guard.close().await?,
            // another token, if it had to log in again, and cookies that were renewed
            Kept::Persistent { name, restored } if self.session.has_session() => {
                let now = self.session.snapshot();
                let saved = async {
                    let store = store()?;
                    // another command may have logged in anew meanwhile: its session stays
                    let kept = store.load(&name).await?;
                    if kept.is_none_or(|kept| {
                        kept.is_same_session(&restored) || kept.is_same_session(&now)
                    }) {
                        store.save(&name, &now).await?;
                    }
                    Ok(())
                };
                // the command is done, and its result was printed
                if let Err(failure) = saved.await {
                    Failure::warn(&failure, "the session is not kept");
                }
            }
            Kept::Persistent { .. } => {}
        }
        Ok(())
    }
}

fn auth(profile: &Profile, secret: Option<&Credential>) -> Result<Auth> {
    let username = || {
        let name = profile.username.clone();
        name.ok_or_else(|| Failure::usage("the profile has no username: `mstr login --username`"))
    };
    let secret = || match (secret, &profile.secret) {
        (Some(secret), _) => Ok(secret.clone()),
        (None, Some(reference)) => secret::from_reference(reference),
        (None, None) => Err(Failure::new(code::AUTH, "the profile has no secret")),
    };
    Ok(match profile.mode {
        Mode::Standard => Auth::standard(username()?, secret()?),
        Mode::Ldap => Auth::ldap(username()?, secret()?),
        Mode::ApiKey => Auth::api_key(secret()?),
        Mode::Trusted => Auth::trusted(username()?),
        Mode::IdentityToken => Auth::identity_token(secret()?),
        Mode::Anonymous => Auth::anonymous(),
    })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|error| Failure::file("read", file, &error))
}

/// The base URL that a person means: the address of the API, of the Library, of its app, or the
/// host alone.
pub(crate) fn base_url(text: &str) -> Result<String> {
    let wrong = || {
        Failure::usage("this is not the URL of a Library server")
            .hint("it looks like https://host/MicroStrategyLibrary/api/")
    };
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let mut url = Url::parse(&text).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::usage("the URL holds a user or password: leave them out"));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let end = parts.iter().position(|part| matches!(*part, "api" | "app" | "auth"));
    let root = match &parts[..end.unwrap_or(parts.len())] {
        [] => "MicroStrategyLibrary".to_owned(),
        root => root.join("/"),
    };
    url.set_path(&format!("{root}/api/"));
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn urls_as_people_copy_them() {
        for text in [
            "https://h/MicroStrategyLibrary/api/",
            "https://h/MicroStrategyLibrary/api",
            "https://h/MicroStrategyLibrary/",
            "https://h/MicroStrategyLibrary/app",
            "https://h/MicroStrategyLibrary/app/library/home?x=1#y",
            "https://h/MicroStrategyLibrary/auth/ui/loginPage",
            "https://h",
            "h",
        ] {
            assert_eq!(base_url(text).unwrap(), "https://h/MicroStrategyLibrary/api/", "{text}");
        }
        assert_eq!(base_url("http://h:80/x/y/api/").unwrap(), "http://h/x/y/api/");
        assert_eq!(base_url("h:8443/lib").unwrap(), "https://h:8443/lib/api/");
    }

    #[test]
    fn urls_that_are_refused_are_not_repeated() {
        for text in ["ftp://h/", "https://", "https://dave:hunter2@h/", "https://h unter2/"] {
            let failure = base_url(text).unwrap_err();
            assert_eq!(failure.code(), code::USAGE, "{text}");
            assert!(!format!("{failure:?}").contains("hunter2"));
        }
    }
}
