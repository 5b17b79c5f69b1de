//! Why there are no AWS credentials.
//!
//! Below an error of the SDK may be the error output of a process, the reply of a server that was to
//! give credentials, a token. So no text of such an error is repeated but for those that are known
//! to hold nothing: the code and message of an AWS service, a status, an exit status, the reason why
//! a file cannot be read.

use std::{error::Error, fs::File, io};

use aws_config::{
    imds::client::error::{ImdsError, TokenError},
    profile::ProfileSet,
};
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::EnvConfigFiles;
#[cfg(feature = "sso")]
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::operation::{
    assume_role::AssumeRoleError, assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::os_shim_internal::{Env, Fs};
use mstr_credentials::{
    VaultError,
    VaultErrorKind::{self, NoCredentials},
};

use crate::classify::{kind_of_status, refusal};

/// How many profiles may name one another by `source_profile`.
const PROFILES: usize = 10;

/// What the configuration files say of where credentials come from: it makes errors clearer.
#[derive(Default)]
pub(crate) struct Login {
    profiles: Option<ProfileSet>,
}

impl Login {
    /// That of a profile, or of the one that the environment names. Files that cannot be read or
    /// parsed count as empty: the SDK reports them.
    pub(crate) async fn of_profile(profile: Option<&str>) -> Self {
        let name = profile.map(|name| name.to_owned().into());
        let (system, variables, files) = (Fs::real(), Env::real(), EnvConfigFiles::default());
        let loaded = aws_config::profile::load(&system, &variables, &files, name).await;
        Self { profiles: loaded.ok() }
    }

    /// A setting of the selected profile.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        let profiles = self.profiles.as_ref()?;
        profiles.get_profile(profiles.selected_profile())?.get(key)
    }

    /// The first profile with one of these settings: the selected one, the one that it names as its
    /// source, and so on. Its name, and the setting.
    fn source(&self, keys: &[&str]) -> Option<(&str, &str)> {
        let profiles = self.profiles.as_ref()?;
        let mut name = profiles.selected_profile();
        for _ in 0..PROFILES {
            let profile = profiles.get_profile(name)?;
            if let Some(found) = keys.iter().find_map(|key| profile.get(key)) {
                return Some((name, found));
            }
            name = profile.get("source_profile")?;
        }
        None
    }

    pub(crate) fn timed_out() -> VaultError {
        let what = "they did not come in time: check the metadata service and the network";
        VaultError::new(NoCredentials, what)
    }

    pub(crate) fn explain(&self, error: &CredentialsError) -> VaultError {
        // all that was looked for was not there: a metadata service that is not there is no failure
        let absent = matches!(error, CredentialsError::CredentialsNotLoaded(_));
        let mut typed = VaultError::sources(error).filter(|_| !absent);
        if let Some(why) = typed.find_map(|error| self.typed(error)) {
            return why;
        }
        // directly below an error of credentials: others are of the files of a sign-on
        let file = VaultError::sources(error)
            .filter(|error| error.is::<CredentialsError>())
            .find_map(|error| error.source()?.downcast_ref());
        match file {
            Some(unreadable) => self.of_token_file(unreadable),
            None => self.untyped(error),
        }
    }

    /// An error whose type says what failed.
    #[cfg_attr(not(feature = "sso"), allow(clippy::unused_self))] // a sign-on names its profile
    fn typed(&self, error: &(dyn Error + 'static)) -> Option<VaultError> {
        type Call<E> = SdkError<E, HttpResponse>;
        const SERVICE: &str = "metadata service";
        const CONTAINER: &str = "container endpoint";
        if let Some(error) = error.downcast_ref::<Call<AssumeRoleError>>() {
            return Some(of_service("AssumeRole", error));
        }
        if let Some(error) = error.downcast_ref::<Call<AssumeRoleWithWebIdentityError>>() {
            return Some(of_service("AssumeRoleWithWebIdentity", error));
        }
        #[cfg(feature = "sso")]
        if let Some(error) = error.downcast_ref::<Call<GetRoleCredentialsError>>() {
            return Some(self.of_sign_on(error));
        }
        if let Some(error) = error.downcast_ref::<Call<CredentialsError>>() {
            return Some(of_server(CONTAINER, error));
        }
        if let Some(error) = error.downcast_ref::<Call<TokenError>>() {
            return Some(of_server(SERVICE, error));
        }
        match error.downcast_ref::<ImdsError>() {
            Some(ImdsError::ErrorResponse(context)) => {
                Some(of_status(SERVICE, context.response().status().as_u16()))
            }
            Some(ImdsError::IoError(_) | ImdsError::Unexpected(_)) => {
                let what = format!("the {SERVICE} of the machine gave none: try again");
                Some(VaultError::new(VaultErrorKind::Unreachable, what))
            }
            // of a token that could not be loaded the source is looked at next
            _ => None,
        }
    }

    /// An error that is told by its kind, or by how the SDK's text begins.
    fn untyped(&self, error: &CredentialsError) -> VaultError {
        let texts: Vec<String> =
            VaultError::sources(error).skip(1).map(ToString::to_string).collect();
        let after = |mark: &str| texts.iter().find_map(|text| Some(text.split_once(mark)?.1));
        if texts.iter().any(|text| text.contains("cargo feature(s) enabled: sso")) {
            let what = "the profile signs on with SSO: turn on the cargo feature \"sso\" of \
                        mstr-credentials-aws (\"aws-sso\" of mstr-rest)";
            return VaultError::new(NoCredentials, what);
        }
        let what = match error {
            CredentialsError::CredentialsNotLoaded(_) => {
                let looked = VaultError::texts(error);
                match after("profile `").and_then(|text| text.split_once('`')) {
                    Some((name, _)) => format!("{looked}: define the profile {name}"),
                    None => format!(
                        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give \
                         the machine a role; {looked}"
                    ),
                }
            }
            // where it has looked, or what is wrong in the settings
            CredentialsError::InvalidConfiguration(_) => VaultError::texts(error),
            CredentialsError::ProviderTimedOut(_) => return Self::timed_out(),
            _ => {
                if let Some(status) = after("HTTP credential provider: StatusCode(") {
                    let status = status.trim_end_matches(')').parse().unwrap_or_default();
                    return of_status("container endpoint", status);
                }
                self.by_source(after("external process exited with code ").is_some(), &texts)
            }
        };
        VaultError::new(NoCredentials, what)
    }

    /// Where nothing of the text may be told, what the profile says of its source.
    fn by_source(&self, exited: bool, texts: &[String]) -> String {
        if let Some(status) = texts.iter().find_map(|text| exit_status(text)).filter(|_| exited) {
            return format!("the credential_process of the profile failed: {status}");
        }
        if texts.iter().any(|text| text.contains("external process")) {
            return "the credential_process of the profile did not print credentials as JSON"
                .into();
        }
        if let Some((profile, _)) = self.source(&["sso_session", "sso_start_url"]) {
            let expired = texts.iter().any(|text| text.contains("expired"));
            let why = if expired { "has expired" } else { "is missing or cannot be read" };
            return format!("the sign-on {why}: run `aws sso login --profile {profile}`");
        }
        if std::env::var_os("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some()
            || std::env::var_os("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some()
        {
            return "the container endpoint gave an answer without credentials, or one that cannot \
                    be read"
                .into();
        }
        "the source of the AWS credentials gave an answer that cannot be read".into()
    }

    #[cfg(feature = "sso")]
    fn of_sign_on(&self, error: &SdkError<GetRoleCredentialsError, HttpResponse>) -> VaultError {
        let why = of_service("GetRoleCredentials", error);
        match (why.code(), self.source(&["sso_session", "sso_start_url"])) {
            (Some(code @ "UnauthorizedException"), Some((profile, _))) => {
                let message = why.message();
                let what = format!("{message}: run `aws sso login --profile {profile}`");
                VaultError::new(why.kind(), what).with_code(code)
            }
            _ => why,
        }
    }

    /// A file with a token that cannot be read. The SDK does not say which: those that are named are
    /// tried in the order in which the SDK comes to them.
    fn of_token_file(&self, error: &io::Error) -> VaultError {
        let of_profile = self.source(&["web_identity_token_file"]).map(|(_, path)| path.to_owned());
        let variables = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
        let mut files = of_profile
            .into_iter()
            .chain(variables.iter().filter_map(|name| std::env::var(name).ok()));
        let unreadable = files.find(|path| File::open(path).is_err());
        let which = unreadable.map(|path| format!(" {path}")).unwrap_or_default();
        // the words of the operating system
        let why = match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code).to_string(),
            None => error.kind().to_string(),
        };
        VaultError::new(NoCredentials, format!("the token file{which} cannot be read: {why}"))
    }
}

/// A call of an AWS service that gives credentials.
fn of_service<E: ProvideErrorMetadata>(
    call: &str,
    error: &SdkError<E, HttpResponse>,
) -> VaultError {
    let why = refusal(error);
    let what = format!("{call}: {}", why.message());
    let kind = match why.kind() {
        kind @ (VaultErrorKind::Unreachable | VaultErrorKind::Throttled) => kind,
        // a setting, and not the service, is in the way
        VaultErrorKind::Other if matches!(error, SdkError::DispatchFailure(_)) => {
            VaultErrorKind::Other
        }
        _ => NoCredentials,
    };
    let explained = VaultError::new(kind, what);
    match why.code() {
        Some(code) => explained.with_code(code),
        None => explained,
    }
}

/// A request to a server on the machine that was not answered.
fn of_server<E>(server: &str, error: &SdkError<E, HttpResponse>) -> VaultError {
    let what = match error {
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(cause) if cause.is_io() => VaultError::texts(cause),
            _ => "no answer".to_owned(),
        },
        SdkError::ServiceError(context) => {
            return of_status(server, context.raw().status().as_u16());
        }
        SdkError::ResponseError(_) => "the connection was closed within the reply".to_owned(),
        _ => "no answer in time".to_owned(),
    };
    VaultError::new(VaultErrorKind::Unreachable, format!("the {server}: {what}"))
}

fn of_status(server: &str, status: u16) -> VaultError {
    let kind = match kind_of_status(status) {
        VaultErrorKind::Other => NoCredentials,
        kind => kind,
    };
    VaultError::new(kind, format!("the {server} answered with status {status}"))
}

/// How a process ended, as the SDK tells it before the error output of the process: `exit status: 3`.
fn exit_status(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("external process exited with code ")?;
    let (status, _) = rest.split_once(". Stderr: ")?;
    let known = |c: char| c.is_ascii_alphanumeric() || " :()".contains(c);
    status.chars().all(known).then_some(status)
}
