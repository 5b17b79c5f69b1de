//! The providers against ministack, which enforces IAM and checks signatures: what AWS says to those
//! who may not. `identities.py` has made the profiles.

use mstr_rest::{
    aws::{
        ParameterStoreValues, aws_config, aws_sdk_secretsmanager as sm, aws_sdk_ssm as ssm,
        parameter_store, secrets_manager,
    },
    credentials::VaultErrorKind,
    prelude::*,
};

use crate::{Outcome, check, is, text};

pub async fn run() -> Outcome {
    let loader = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12());
    let config = loader.profile_name("root").load().await;
    let sm = sm::Client::new(&config);
    sm.create_secret().name("it/json").secret_string(r#"{"password": "pw"}"#).send().await?;
    let ssm = ssm::Client::new(&config);
    for value in ["first", "second"] {
        let kind = ssm::types::ParameterType::SecureString;
        let put = ssm.put_parameter().name("/it/group/password").r#type(kind).value(value);
        put.overwrite(true).send().await?;
    }
    let kind = ssm::types::ParameterType::String;
    ssm.put_parameter().name("/it/group/user").r#type(kind).value("dave").send().await?;

    refusals().await?;
    let secret = secrets_manager("it/json").field("password");
    is("a role that may", text(secret.profile("reader")).await?, "pw")?;
    let found = ssm.get_parameter().name("/it/group/password").send().await?;
    let arn = found.parameter().and_then(|it| it.arn()).ok_or("no ARN")?.to_owned();
    groups(&arn).await
}

async fn refusals() -> Outcome {
    use VaultErrorKind::{Denied, NoCredentials};
    for (profile, kind, code, words) in [
        ("nobody", Denied, "AccessDeniedException", "user/nobody is not authorized"),
        ("wrong-key", Denied, "InvalidSignatureException", "signature"),
        ("unknown", Denied, "UnrecognizedClientException", "security token"),
        ("admin", NoCredentials, "AccessDenied", "AssumeRole"),
    ] {
        let secret = Credential::from(secrets_manager("it/json").profile(profile));
        let parameter = Credential::from(parameter_store("/it/group/user").profile(profile));
        let group = ParameterStoreValues::new().profile(profile).prefetch(["/it/group/user"]);
        let path = ParameterStoreValues::path("/it/group/").profile(profile);
        for (what, credential) in [
            ("secret", secret),
            ("parameter", parameter),
            ("group", group.parameter("/it/group/user").into()),
            ("path", path.field("user").into()),
        ] {
            let error = credential.resolve().await.err().ok_or("it was given")?;
            let why = error.vault_error().ok_or("no reason")?;
            println!("{profile}, {what}: {error}: {why}");
            let as_expected = why.kind() == kind && why.code() == Some(code);
            check(profile, as_expected && why.message().contains(words))?;
        }
    }
    Ok(())
}

async fn groups(arn: &str) -> Outcome {
    let names = ["/it/group/password", "/it/group/password:1", arn, "/it/group/none"];
    let group = ParameterStoreValues::new().profile("reader").prefetch(names);
    is("the newest version", text(group.parameter(names[0])).await?, "second")?;
    is("a version", text(group.parameter(names[1])).await?, "first")?;
    is("by ARN", text(group.parameter(arn)).await?, "second")?;
    let none = Credential::from(group.parameter(names[3])).resolve().await.err().ok_or("there")?;
    let kind = none.vault_error().map(|why| why.kind());
    check("missing in a group", kind == Some(VaultErrorKind::NotFound))?;
    let path = ParameterStoreValues::path("/it/group").profile("reader");
    is("a path", text(path.field("password")).await?, "second")?;
    is(
        "a reference to a path",
        text(mstr_rest::credential("aws-ssm:/it/group/?profile=reader#user")?).await?,
        "dave",
    )
}
