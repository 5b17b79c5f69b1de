#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod environment;

#[cfg(feature = "blocking")]
#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
pub mod blocking;

pub use environment::{credential, from_env, references};
pub use mstr_rest_core::{
    Auth, AuthenticatedSession, Body, Call, CallFuture, CookieInfo, Cookies, Credential,
    CredentialError, Error, ErrorKind, Locale, LoginStore, LoginStoreFuture, Multipart, Part,
    ProjectIndex, ProjectIndexIter, Response, Result, RetryPolicy, SavedCookie, SecretProvider,
    SecretString, Session, SessionBuilder, SessionSnapshot, StreamingResponse, settle,
    try_with_session, with_session,
};

/// Credentials and secret providers: the crate `mstr-credentials`.
pub use mstr_credentials as credentials;

/// Secrets from AWS: the crate `mstr-credentials-aws`.
#[cfg(any(feature = "aws-secrets-manager", feature = "aws-ssm"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "aws-secrets-manager", feature = "aws-ssm"))))]
pub use mstr_credentials_aws as aws;

/// Secrets from Azure Key Vault: the crate `mstr-credentials-azure`.
#[cfg(feature = "azure")]
#[cfg_attr(docsrs, doc(cfg(feature = "azure")))]
pub use mstr_credentials_azure as azure;

/// Secrets from Google Secret Manager: the crate `mstr-credentials-gcp`.
#[cfg(feature = "gcp")]
#[cfg_attr(docsrs, doc(cfg(feature = "gcp")))]
pub use mstr_credentials_gcp as gcp;

/// Secrets from HashiCorp Vault and OpenBao: the crate `mstr-credentials-vault`.
#[cfg(feature = "vault")]
#[cfg_attr(docsrs, doc(cfg(feature = "vault")))]
pub use mstr_credentials_vault as vault;

/// Endpoints and their models: the crate `mstr-rest-api`.
#[cfg(feature = "api")]
#[cfg_attr(docsrs, doc(cfg(feature = "api")))]
pub use mstr_rest_api as api;

/// Reports and cubes as Arrow: the crate `mstr-rest-data`.
#[cfg(feature = "data")]
#[cfg_attr(docsrs, doc(cfg(feature = "data")))]
pub use mstr_rest_data as data;

/// Session snapshots and their stores: the crate `mstr-rest-persist`.
#[cfg(feature = "persist")]
#[cfg_attr(docsrs, doc(cfg(feature = "persist")))]
pub use mstr_rest_persist as persist;

/// The types and endpoints that most programs need: `use mstr_rest::prelude::*;`.
///
/// ```
/// use mstr_rest::prelude::*;
///
/// # fn example(session: &Session) {
/// let call = session.get("status");
/// # let _ = call;
/// # }
/// ```
pub mod prelude {
    pub use crate::{
        Auth, AuthenticatedSession, Body, Call, Credential, Error, ErrorKind, Response,
        RetryPolicy, Session, SessionBuilder, SessionSnapshot, with_session,
    };
    #[cfg(feature = "api")]
    pub use mstr_rest_api::{
        ApiTokensExt as _, CubesExt as _, DashboardsExt as _, DataSourcesExt as _,
        DatasetsExt as _, DocumentsExt as _, ErrorExt as _, FoldersExt as _,
        IdentityTokensExt as _, LibraryExt as _, MonitorsExt as _, ObjectsExt as _,
        ProjectsExt as _, ReportsExt as _, SchedulesExt as _, SearchExt as _, SecurityExt as _,
        ServerExt as _, SessionsExt as _, SubscriptionsExt as _, UserGroupsExt as _, UsersExt as _,
    };
    #[cfg(feature = "data")]
    pub use mstr_rest_data::{DataExt as _, InstanceDataExt as _, UploadExt as _};
    #[cfg(feature = "persist")]
    pub use mstr_rest_persist::{ConnectExt as _, SnapshotExt as _};
}

/// The README of the repository: its Rust code is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct RepositoryReadme;
