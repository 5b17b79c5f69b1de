//! Credentials for the MicroStrategy (Strategy) REST client from AWS Secrets Manager and Systems
//! Manager Parameter Store.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod classify;
mod connection;
#[cfg(feature = "ssm")]
mod parameter_store;
mod reference;
#[cfg(feature = "secrets-manager")]
mod secrets_manager;

/// The AWS SDK's configuration: what [`sdk_config`](SecretsManagerSecret::sdk_config) takes.
pub use aws_config;
#[cfg(feature = "secrets-manager")]
#[cfg_attr(docsrs, doc(cfg(feature = "secrets-manager")))]
pub use aws_sdk_secretsmanager;
#[cfg(feature = "ssm")]
#[cfg_attr(docsrs, doc(cfg(feature = "ssm")))]
pub use aws_sdk_ssm;

#[cfg(feature = "ssm")]
#[cfg_attr(docsrs, doc(cfg(feature = "ssm")))]
pub use parameter_store::{
    ParameterStoreField, ParameterStoreValue, ParameterStoreValues, parameter_store,
};
pub use reference::register;
#[cfg(feature = "secrets-manager")]
#[cfg_attr(docsrs, doc(cfg(feature = "secrets-manager")))]
pub use secrets_manager::{SecretsManagerSecret, SecretsManagerValue, secrets_manager};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
