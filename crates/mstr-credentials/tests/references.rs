//! Credential references: grammar, registry, sharing.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mstr_credentials::{CachedSecret, Credential, CredentialError, Reference, References};
use proptest::prelude::*;

async fn text(credential: &Credential) -> Result<String, CredentialError> {
    credential.resolve().await.map(|secret| secret.expose_secret().to_owned())
}

fn parts(text: &str) -> (String, String, Vec<(String, String)>, Option<String>) {
    let reference = Reference::parse(text).unwrap();
    assert_eq!(reference.as_str(), text);
    (
        reference.scheme().to_owned(),
        reference.body().to_owned(),
        reference.options().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        reference.field().map(str::to_owned),
    )
}

#[test]
fn what_clouds_need() {
    for (text, scheme, body, options, field) in [
        ("env:MSTR_PASSWORD", "env", "MSTR_PASSWORD", vec![], None),
        ("file:/run/secrets/x", "file", "/run/secrets/x", vec![], None),
        (r"file:C:\secrets\x.txt", "file", r"C:\secrets\x.txt", vec![], None),
        ("aws-sm:prod/mstr#password", "aws-sm", "prod/mstr", vec![], Some("password")),
        (
            "aws-sm:arn:aws:secretsmanager:eu-west-1:1:secret:prod/mstr-AbCdEf#password",
            "aws-sm",
            "arn:aws:secretsmanager:eu-west-1:1:secret:prod/mstr-AbCdEf",
            vec![],
            Some("password"),
        ),
        (
            "aws-ssm:/prod/mstr/password?region=eu-west-1",
            "aws-ssm",
            "/prod/mstr/password",
            vec![("region", "eu-west-1")],
            None,
        ),
        (
            "azure-kv:https://v.vault.azure.net/name?version=7#password",
            "azure-kv",
            "https://v.vault.azure.net/name",
            vec![("version", "7")],
            Some("password"),
        ),
        (
            "gcp-sm:projects/p/secrets/s/versions/latest#password",
            "gcp-sm",
            "projects/p/secrets/s/versions/latest",
            vec![],
            Some("password"),
        ),
        (
            "x:a%20b%2fc + d?n%3D=v=%26&m=#h%23%3f/=&",
            "x",
            "a b/c + d",
            vec![("n=", "v=&"), ("m", "")],
            Some("h#?/=&"),
        ),
        ("x:%C3%A9é", "x", "éé", vec![], None),
    ] {
        let options = options.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        assert_eq!(
            parts(text),
            (scheme.to_owned(), body.to_owned(), options, field.map(str::to_owned))
        );
    }
}

#[test]
fn what_is_not_a_reference() {
    for text in [
        "",
        "hunter2",
        ":x",
        "1x:y",
        "-x:y",
        "a_b:c",
        "a b:c",
        "é:c",
        "x:",
        "x:?a=b",
        "x:#m",
        "x:y#",
        "x:y#a#b",
        "x:y#a?b=c",
        "x:y?",
        "x:y?a",
        "x:y?=b",
        "x:y?a=b&",
        "x:y?a=b&&c=d",
        "x:y?a=b?c=d",
        "x:y?a=b&a=c",
        "x:y?a=b&%61=c",
        "x:100%",
        "x:%4",
        "x:%zz",
        "x:%+1",
        "x:%é1",
        "x:%ff",
        "x:y#%c3",
        "x:y?%c3=b",
    ] {
        let error = Reference::parse(text).unwrap_err();
        assert!(error.to_string().starts_with("not a credential reference: "), "{text}: {error}");
        assert!(!error.is_missing());
    }
}

#[test]
fn the_text_is_never_repeated() {
    let mut references = References::default();
    references.register_unavailable("aws-sm", "aws");
    for text in [
        "CANARY",
        "CANARY:CANARY",
        "https://CANARY",
        "env:CANARY?x=CANARY",
        "env:a?CANARY=CANARY",
        "env:a?CANARY",
        "env:a?CANARY=1&CANARY=2",
        "env:%CANARY",
        "file:CANARY#",
        "file:CANARY?CANARY",
        "cmd:'CANARY",
        "cmd: ",
        "cmd:%20CANARY'",
        "cmd:CANARY?CANARY=1",
        "aws-sm:CANARY",
    ] {
        let error = references.credential(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{text}: {error:?}");
    }
    assert_eq!(format!("{:?}", Reference::parse("a:CANARY").unwrap()), "Reference([redacted])");
    assert_eq!(
        references.credential("https://example.com").unwrap_err().to_string(),
        "not a credential reference: known schemes: aws-sm, cmd, env, file, keyring, systemd"
    );
    assert_eq!(
        references.credential("env:X?default=y").unwrap_err().to_string(),
        "an env reference has an unknown option; options: none (a ? that belongs to the text is \
         written %3F)"
    );
    assert_eq!(
        format!("{references:?}"),
        r#"References(["aws-sm", "cmd", "env", "file", "keyring", "systemd"])"#
    );
}

#[test]
fn what_counts_as_a_reference() {
    let mut references = References::default();
    references.register_unavailable("aws-sm", "aws");
    for text in ["env:X", "env:", "file:/x", "cmd:x", "aws-sm:x", "env:%"] {
        assert!(references.is_reference(text), "{text}");
    }
    for text in ["", "env", "ENV:X", " env:X", "https://x", "envx:X", "aws:x", ":"] {
        assert!(!references.is_reference(text), "{text}");
    }
    assert!(!References::empty().is_reference("env:X"));
    assert_eq!(
        References::default().schemes().collect::<Vec<_>>(),
        ["cmd", "env", "file", "keyring", "systemd"]
    );
}

#[test]
fn making_credentials_reads_nothing() {
    let references = References::default();
    for text in [
        "env:SURELY_NOT_SET_1234",
        "env:SURELY_NOT_SET_1234#m",
        "file:/no/such/file",
        "file:/no/such/file#m",
        "cmd:/no/such/program",
        "cmd:/no/such/program#m",
    ] {
        references.credential(text).unwrap();
    }
}

#[tokio::test]
async fn files_and_their_members() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("100% what?#.json");
    std::fs::write(&path, r#"{"password": "s3cret", "a#b": 1.10}"#).unwrap();
    let references = References::default();
    let file = format!("file:{}", Reference::escape(path.to_str().unwrap()));
    let credential = |rest: &str| references.credential(&format!("{file}{rest}")).unwrap();
    assert!(text(&credential("")).await.unwrap().starts_with('{'));
    assert_eq!(text(&credential("#password")).await.unwrap(), "s3cret");
    assert_eq!(text(&credential("#a%23b")).await.unwrap(), "1.10");
    let error = text(&credential("#token")).await.unwrap_err().to_string();
    assert_eq!(error, format!("secret file {} has no field \"token\"", path.display()));
    // read at every resolve
    let password = credential("#password");
    std::fs::write(&path, r#"{"password": "rotated"}"#).unwrap();
    assert_eq!(text(&password).await.unwrap(), "rotated");
}

#[tokio::test]
async fn environment_variables() {
    let references = References::default();
    let credential = references.credential("env:PATH").unwrap();
    assert_eq!(text(&credential).await.unwrap(), std::env::var("PATH").unwrap());
    let error = text(&references.credential("env:PATH#m").unwrap()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "environment variable PATH is not JSON, so it has no field \"m\""
    );
    let error = text(&references.credential("env:SURELY_NOT_SET_1234#m").unwrap()).await;
    assert!(error.unwrap_err().is_missing());
}

#[cfg(unix)]
#[tokio::test]
async fn commands_run_at_every_resolve_their_members_share_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    let runs = dir.path().join("runs");
    std::fs::write(
        &script,
        format!(r#"echo x >> '{}'; echo '{{"user": "u1",'; echo '"pw": "p1"}}'"#, runs.display()),
    )
    .unwrap();
    let ran = || std::fs::read_to_string(&runs).unwrap().lines().count();
    let references = References::default();
    let command = format!("cmd:sh '{}'", script.display());
    let line = references.credential(&command).unwrap();
    assert_eq!(text(&line).await.unwrap(), r#"{"user": "u1","#);
    assert_eq!(text(&line).await.unwrap(), r#"{"user": "u1","#);
    assert_eq!(ran(), 2);
    let user = references.credential(&format!("{command}#user")).unwrap();
    let pw = references.clone().credential(&format!("{command}#pw")).unwrap();
    assert_eq!(text(&user).await.unwrap(), "u1");
    assert_eq!(text(&pw).await.unwrap(), "p1");
    assert_eq!(ran(), 3);
    pw.invalidate();
    assert_eq!(text(&user).await.unwrap(), "u1");
    assert_eq!(ran(), 4);
}

/// A registry with a scheme `vault` that counts its fetches.
fn vault() -> (References, Arc<AtomicUsize>) {
    let fetches = Arc::new(AtomicUsize::new(0));
    let mut references = References::empty();
    let counter = Arc::clone(&fetches);
    references.register_secret("vault", move |reference| {
        reference.allow_options(&["region", "version"])?;
        let counter = Arc::clone(&counter);
        let body = reference.body().to_owned();
        Ok(CachedSecret::new(format!("vault secret {body}"), move || {
            counter.fetch_add(1, Ordering::Relaxed);
            let body = body.clone();
            async move { Ok(serde_json::json!({"id": body, "pw": "s3cret"}).to_string()) }
        }))
    });
    (references, fetches)
}

#[tokio::test]
async fn references_to_one_secret_share_one_fetch() {
    let (references, fetches) = vault();
    let credentials: Vec<_> = [
        "vault:prod/mstr?region=r&version=v#pw",
        "vault:prod/mstr?version=v&region=r#id",
        "vault:prod%2Fmstr?region=%72&version=v#id",
        "vault:prod/mstr?region=r&version=v",
    ]
    .iter()
    .map(|text| references.credential(text).unwrap())
    .collect();
    assert_eq!(fetches.load(Ordering::Relaxed), 0);
    assert_eq!(text(&credentials[0]).await.unwrap(), "s3cret");
    assert_eq!(text(&credentials[1]).await.unwrap(), "prod/mstr");
    assert_eq!(text(&credentials[2]).await.unwrap(), "prod/mstr");
    assert!(text(&credentials[3]).await.unwrap().starts_with('{'));
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
    // clones of the registry share too
    let another = references.clone().credential("vault:prod/mstr?region=r&version=v#pw").unwrap();
    assert_eq!(text(&another).await.unwrap(), "s3cret");
    assert_eq!(fetches.load(Ordering::Relaxed), 1);

    for other in ["vault:prod/mstr#pw", "vault:prod/mstr?region=q&version=v#pw", "vault:x#pw"] {
        let before = fetches.load(Ordering::Relaxed);
        text(&references.credential(other).unwrap()).await.unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), before + 1, "{other}");
    }
}

#[tokio::test]
async fn a_secret_that_nobody_uses_is_not_kept() {
    let (references, fetches) = vault();
    for expected in [1, 2] {
        let credential = references.credential("vault:x#pw").unwrap();
        text(&credential).await.unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn every_fetched_reference_has_a_time_to_live() {
    let (references, fetches) = vault();
    let count = || fetches.load(Ordering::Relaxed);
    for (ttl, seconds) in [("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86_400), ("0s", 0)] {
        let before = count();
        let text_of = format!("vault:prod/mstr?ttl={ttl}&region=r#pw");
        let credential = references.credential(&text_of).unwrap();
        text(&credential).await.unwrap();
        if seconds > 0 {
            tokio::time::advance(Duration::from_secs(seconds - 1)).await;
            text(&credential).await.unwrap();
            assert_eq!(count(), before + 1, "{ttl}");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        text(&credential).await.unwrap();
        assert_eq!(count(), before + 2, "{ttl}");
    }
    // one time, one fetch; another time, another
    let before = count();
    let texts = ["vault:x?ttl=60s#pw", "vault:x?ttl=1m#id", "vault:x?ttl=2m#id", "vault:x#id"];
    let alive = texts.map(|text| references.credential(text).unwrap());
    for credential in &alive {
        text(credential).await.unwrap();
    }
    assert_eq!(count(), before + 3);
}

#[test]
fn a_time_to_live_is_a_number_with_a_unit() {
    let (references, _) = vault();
    for wrong in
        ["", "15", "m", "1.5h", "-1s", "+1s", "1w", "1 m", "15M", "é", "99999999999999999999s"]
    {
        let error = references.credential(&format!("vault:x?ttl={wrong}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the ttl of a vault reference is no duration: write a number with a unit, as in 90s, 15m, \
             12h or 1d"
        );
    }
    let error = references.credential("vault:x?tll=1m").unwrap_err().to_string();
    assert_eq!(error, "a vault reference has an unknown option; options: region, version, ttl");
    for text in ["env:X?ttl=1m", "file:/x?ttl=1m"] {
        let error = References::default().credential(text).unwrap_err().to_string();
        assert!(error.ends_with("written %3F)"), "{error}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_command_prints_has_a_time_to_live() {
    let dir = tempfile::tempdir().unwrap();
    let runs = dir.path().join("runs");
    let script = dir.path().join("script");
    std::fs::write(&script, format!("echo x >> '{}'; echo p1; echo p2", runs.display())).unwrap();
    let ran = || std::fs::read_to_string(&runs).unwrap().lines().count();
    let command = format!("cmd:sh '{}'?ttl=1h", script.display());
    let line = References::default().credential(&command).unwrap();
    assert_eq!(text(&line).await.unwrap(), "p1");
    assert_eq!(text(&line).await.unwrap(), "p1");
    assert_eq!(ran(), 1);
    line.invalidate();
    assert_eq!(text(&line).await.unwrap(), "p1");
    assert_eq!(ran(), 2);
    let error = References::default().credential("cmd:x?ttl=1h&y=2").unwrap_err().to_string();
    assert_eq!(error, "a cmd reference has an unknown option; options: ttl");
}

#[test]
fn schemes_can_be_replaced_and_refuse() {
    let mut references = References::default();
    references
        .register("env", |_| Err(CredentialError::new("no environment here")))
        .register("x", |reference| Ok(Credential::from(reference.body())));
    assert_eq!(references.credential("env:X").unwrap_err().to_string(), "no environment here");
    let literal = references.credential("x:a%20b").unwrap();
    assert_eq!(literal.literal().unwrap().expose_secret(), "a b");
}

proptest! {
    #[test]
    fn no_text_panics_and_parsed_text_prints_the_same(text: String) {
        if let Ok(reference) = Reference::parse(&text) {
            prop_assert_eq!(reference.as_str(), text);
        }
    }

    #[test]
    fn texts_that_are_nearly_references(text in "[a-z]{1,3}:[%0-9a-f?&=#:/é ]{0,30}") {
        match Reference::parse(&text) {
            Ok(reference) => {
                prop_assert_eq!(reference.as_str(), &text);
                // put together again from its parts, it means the same
                let mut again = format!("{}:{}", reference.scheme(), Reference::escape(reference.body()));
                let mut separator = '?';
                for (name, value) in reference.options() {
                    again.push(separator);
                    separator = '&';
                    again.push_str(&Reference::escape(name));
                    again.push('=');
                    again.push_str(&Reference::escape(value));
                }
                if let Some(field) = reference.field() {
                    again.push('#');
                    again.push_str(&Reference::escape(field));
                }
                prop_assert_eq!(parts(&again), parts(&text));
            }
            Err(error) => prop_assert!(!error.is_missing()),
        }
        let _ = References::default().credential(&text);
    }

    #[test]
    fn every_part_can_be_written(
        body in ".+", name in ".+", value: String, field in ".+"
    ) {
        let escape = Reference::escape;
        let text = format!("x:{}?{}={}#{}", escape(&body), escape(&name), escape(&value), escape(&field));
        prop_assert_eq!(
            parts(&text),
            ("x".to_owned(), body, vec![(name, value)], Some(field))
        );
    }

    #[test]
    fn no_command_line_panics(text: String) {
        let _ = References::default().credential(&format!("cmd:{text}"));
        let _ = References::default().credential(&format!("cmd:{}", Reference::escape(&text)));
    }

    #[test]
    fn errors_never_repeat_the_text(
        text in "(env|file|cmd|x|aws-sm|)(:|)[%?#&='\"]{0,3}CANARY[%?#&='\" a-f0-9]{0,20}"
    ) {
        let mut references = References::default();
        references.register_unavailable("aws-sm", "aws");
        if let Err(error) = references.credential(&text) {
            prop_assert!(!format!("{error} {error:?}").contains("CANARY"), "{:?}", error);
        }
    }
}
