//! The configuration file: profiles of servers and of who logs in, and no secret. It is edited in
//! place, so that comments stay.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use etcetera::{BaseStrategy as _, choose_base_strategy};
use mstr_rest::api::CompleteFile;
use mstr_rest::persist::{FileStore, SnapshotStore as _, StoreLock};
use serde::Deserialize;
use toml_edit::{DocumentMut, Item, value};

use crate::failure::{Failure, Result, code};

/// Where configuration and sessions are kept.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// `config.toml` in `MSTR_CONFIG_DIR`, or in `mstr` where this system keeps configuration.
    pub(crate) config: PathBuf,
    /// Sessions: in `MSTR_STATE_DIR`, or in `mstr` where this system keeps state.
    pub(crate) sessions: PathBuf,
}

impl Places {
    pub(crate) fn find() -> Result<Self> {
        let set = |name| env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        // an empty one would make paths of the folder where one happens to be
        let homeless = env::var_os("HOME").is_some_and(|home| home.is_empty());
        let system = choose_base_strategy().ok().filter(|_| !homeless);
        let config = set("MSTR_CONFIG_DIR")
            .or_else(|| system.as_ref().map(|system| system.config_dir().join("mstr")));
        let state = set("MSTR_STATE_DIR").or_else(|| {
            system.as_ref().map(|it| it.state_dir().unwrap_or_else(|| it.data_dir()).join("mstr"))
        });
        let (Some(config), Some(state)) = (config, state) else {
            return Err(Failure::new(code::OTHER, "there is no home directory")
                .hint("set MSTR_CONFIG_DIR and MSTR_STATE_DIR"));
        };
        Ok(Self { config: config.join("config.toml"), sessions: state.join("sessions") })
    }
}

/// How a profile logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// User name and password of the metadata
    Standard,
    /// User name and password of a directory
    Ldap,
    /// An API token
    ApiKey,
    /// A user name alone: the server trusts this machine
    Trusted,
    /// An identity token of another session, which is shared
    IdentityToken,
    /// Nobody
    Anonymous,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Ldap => "ldap",
            Self::ApiKey => "api-key",
            Self::Trusted => "trusted",
            Self::IdentityToken => "identity-token",
            Self::Anonymous => "anonymous",
        }
    }

    pub(crate) fn has_username(self) -> bool {
        matches!(self, Self::Standard | Self::Ldap | Self::Trusted)
    }

    /// What its secret is called, if it has one.
    pub(crate) fn secret(self) -> Option<&'static str> {
        match self {
            Self::Standard | Self::Ldap => Some("password"),
            Self::ApiKey => Some("API token"),
            Self::IdentityToken => Some("identity token"),
            Self::Trusted | Self::Anonymous => None,
        }
    }
}

/// A server and who logs in to it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Profile {
    /// The base URL: `https://host/MicroStrategyLibrary/api/`.
    pub(crate) url: String,
    pub(crate) mode: Mode,
    pub(crate) username: Option<String>,
    /// The reference of the secret; without one it is asked for at every login.
    pub(crate) secret: Option<String>,
    /// Name or id of the project of commands that name none.
    pub(crate) project: Option<String>,
    /// A file of certificates (PEM) that are trusted besides those of the system.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Profile {
    /// Whether it can log in without asking anybody.
    pub(crate) fn logs_in_alone(&self) -> bool {
        self.mode.secret().is_none() || self.secret.is_some()
    }
}

/// The file.
#[derive(Debug)]
pub(crate) struct Config {
    path: PathBuf,
    document: DocumentMut,
}

impl Config {
    pub(crate) fn load(places: &Places) -> Result<Self> {
        let path = places.config.clone();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        };
        // the error of the parser would show the line, in which somebody may have put a password
        let document = text.parse::<DocumentMut>().map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
            Failure::usage(format!("{}: line {line} is not TOML", path.display()))
        })?;
        Ok(Self { path, document })
    }

    /// The profile that commands use when none is named.
    pub(crate) fn default_profile(&self) -> Option<&str> {
        self.document.get("default").and_then(Item::as_str)
    }

    pub(crate) fn set_default(&mut self, name: &str) {
        self.document["default"] = value(name);
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let profiles = self.document.get("profiles").and_then(Item::as_table_like);
        profiles.map_or(Vec::new(), |table| table.iter().map(|(name, _)| name.into()).collect())
    }

    pub(crate) fn profile(&self, name: &str) -> Result<Option<Profile>> {
        let Some(item) = self.document.get("profiles").and_then(|all| all.get(name)) else {
            return Ok(None);
        };
        let wrong = |what: String| {
            Failure::usage(format!("{}: profile {name}: {what}", self.path.display()))
        };
        let text = item.as_table_like().map(|table| {
            let mut document = DocumentMut::new();
            for (key, item) in table.iter() {
                document.insert(key, item.clone());
            }
            document.to_string()
        });
        let text = text.ok_or_else(|| wrong("this is not a table".into()))?;
        let profile: Profile = toml_edit::de::from_str(&text)
            .map_err(|error: toml_edit::de::Error| wrong(error.message().to_owned()))?;
        if let Some(secret) = &profile.secret
            && !mstr_rest::references().is_reference(secret)
        {
            return Err(wrong("`secret` must be a credential reference such as env:NAME".into())
                .hint("this file holds no secrets: put it where a reference can name it"));
        }
        Ok(Some(profile))
    }

    /// Puts the profile in, in the place of the last one of that name. The first becomes the
    /// default.
    pub(crate) fn set(&mut self, name: &str, profile: &Profile) {
        let profiles = self.document["profiles"].or_insert(toml_edit::table());
        if let Some(table) = profiles.as_table_mut() {
            table.set_implicit(true);
        }
        let entry = &mut profiles[name];
        if !entry.is_table_like() {
            *entry = toml_edit::table();
        }
        let mut set = |key: &str, text: Option<String>| match text {
            Some(text) => entry[key] = value(text),
            None => {
                if let Some(table) = entry.as_table_like_mut() {
                    table.remove(key);
                }
            }
        };
        set("url", Some(profile.url.clone()));
        set("mode", Some(profile.mode.name().to_owned()));
        set("username", profile.username.clone());
        set("secret", profile.secret.clone());
        set("project", profile.project.clone());
        set("ca-file", profile.ca_file.as_ref().map(|path| path.to_string_lossy().into_owned()));
        if self.default_profile().is_none() {
            self.set_default(name);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(profiles) = self.document.get_mut("profiles").and_then(Item::as_table_like_mut)
        {
            profiles.remove(name);
        }
        if self.default_profile() == Some(name) {
            self.document.remove("default");
        }
    }

    /// Loads it, changes it and saves it; other programs that do the same wait meanwhile.
    pub(crate) async fn change(places: &Places, change: impl FnOnce(&mut Self)) -> Result {
        let _lock = Self::lock(places).await?;
        let mut config = Self::load(places)?;
        change(&mut config);
        config.save()
    }

    /// Keeps other programs from changing the file and what belongs to it until it is dropped.
    pub(crate) async fn lock(places: &Places) -> Result<StoreLock> {
        let folder = places.config.parent().unwrap_or_else(|| Path::new("."));
        Ok(FileStore::new(folder).allow_open_permissions(true).lock("config").await?)
    }

    /// Replaces the file as a whole, so that no program reads half of it. The lock is held meanwhile.
    pub(crate) fn save(&self) -> Result {
        let cannot = |error: &io::Error| Failure::file("write", &self.path, error);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
        }
        let mut file = CompleteFile::private(&self.path)?;
        file.write_all(self.document.to_string().as_bytes()).map_err(|error| cannot(&error))?;
        Ok(file.complete()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    fn config(text: &str) -> (tempfile::TempDir, Places) {
        let dir = tempfile::tempdir().unwrap();
        let places =
            Places { config: dir.path().join("config.toml"), sessions: dir.path().join("s") };
        fs::write(&places.config, text).unwrap();
        (dir, places)
    }

    const TEXT: &str = "# ours\ndefault = \"prod\"\n\n[profiles.prod] # the real one\n\
        url = \"https://h/api/\"\nmode = \"standard\"\nusername = \"dave\"\nsecret = \"env:P\"\n";

    #[test]
    fn comments_survive_a_change() {
        let (_dir, places) = config(TEXT);
        let mut config = Config::load(&places).unwrap();
        let mut profile = config.profile("prod").unwrap().unwrap();
        assert!(profile.logs_in_alone());
        profile.secret = None;
        profile.project = Some("Sales".into());
        config.set("prod", &profile);
        config.set("test", &profile);
        config.save().unwrap();
        let text = fs::read_to_string(&places.config).unwrap();
        assert!(text.contains("# ours") && text.contains("# the real one"), "{text}");
        let config = Config::load(&places).unwrap();
        assert_eq!(config.names(), ["prod", "test"]);
        assert_eq!(config.profile("prod").unwrap().unwrap(), profile);
        assert_eq!(config.default_profile(), Some("prod"));
    }

    #[test]
    fn the_first_profile_is_the_default_until_it_goes() {
        let (_dir, places) = config("");
        let mut config = Config::load(&places).unwrap();
        let (_other, there) = self::config(TEXT);
        let profile = Config::load(&there).unwrap().profile("prod").unwrap().unwrap();
        config.set("a", &profile);
        config.set("b", &profile);
        assert_eq!(config.default_profile(), Some("a"));
        config.remove("a");
        assert_eq!((config.default_profile(), config.names()), (None, vec!["b".to_owned()]));
    }

    #[test]
    fn secrets_are_refused_and_not_repeated() {
        for text in [
            TEXT.replace("env:P", "hunter2"),
            TEXT.replace("secret = \"env:P\"", "password = \"hunter2\""),
            TEXT.replace("secret = \"env:P\"", "secret = hunter2"),
            TEXT.replace("secret = \"env:P\"", "secret = [\"hunter2\"]"),
        ] {
            let (_dir, places) = config(&text);
            let failure =
                Config::load(&places).and_then(|config| config.profile("prod")).unwrap_err();
            assert_eq!(failure.code(), code::USAGE);
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        }
    }
}
