//! `cargo xtask deps`: what is in the dependency trees of this platform, and what is not.
//!
//! `deny.toml` speaks of the whole graph, with every feature. This table speaks of what one user
//! compiles with one set of features.

use std::collections::BTreeSet;

use crate::{
    msrv,
    sh::{self, Result},
    workspace::Workspace,
};

/// One `cargo tree`. A pattern is `name`, `name*` or `name@version`, the version cut anywhere
/// between its dots.
struct Tree {
    what: &'static str,
    args: &'static [&'static str],
    /// Keeps the check honest: a tree without these is not the one that we mean.
    has: &'static [&'static str],
    lacks: &'static [&'static str],
    /// In one version at most.
    once: &'static [&'static str],
    /// Crates in the tree at most, ours too. Raise it knowingly.
    at_most: Option<usize>,
    why: &'static str,
}

/// A cloud crate alone, with all of its features.
macro_rules! cloud {
    ($name:literal has $($has:literal)* lacks $($lacks:literal)*) => {
        Tree {
            what: $name,
            args: &["-p", $name, "--all-features", "-e", "normal,build"],
            has: &["mstr-credentials", "rustls", "aws-lc-rs", $($has),*],
            lacks: &[
                "mstr-rest*", "ring", "openssl-sys", "native-tls", "hyper@0.14", "http@0.2",
                "rustls@0.21", "h2@0.3", $($lacks),*
            ],
            once: &["rustls", "hyper", "http", "tokio"],
            at_most: None,
            why: "one cloud, one TLS stack, one HTTP stack, and nothing of the client",
        }
    };
}

const TREES: &[Tree] = &[
    cloud!("mstr-credentials-aws" has "aws-config" "aws-sdk-secretsmanager" "aws-sdk-ssm"
        lacks "reqwest" "azure_*" "typespec*" "google-cloud-*"),
    Tree {
        what: "mstr-credentials-aws, default features",
        args: &["-p", "mstr-credentials-aws", "-e", "normal,build"],
        has: &["aws-config", "aws-sdk-secretsmanager", "aws-sdk-ssm"],
        lacks: &["aws-sdk-sso*"],
        once: &["rustls", "hyper", "http", "tokio"],
        at_most: None,
        why: "servers never sign on",
    },
    Tree {
        what: "mstr-rest, aws-secrets-manager",
        args: &["-p", "mstr-rest", "--features", "aws-secrets-manager", "-e", "normal,build"],
        has: &["aws-config", "aws-sdk-secretsmanager"],
        lacks: &["aws-sdk-ssm", "aws-sdk-sso*", "azure_*", "typespec*", "google-cloud-*"],
        once: &["rustls", "hyper", "http", "tokio", "reqwest"],
        at_most: None,
        why: "one service of one cloud",
    },
    Tree {
        what: "mstr-rest, aws-ssm and aws-sso",
        args: &["-p", "mstr-rest", "--features", "aws-ssm,aws-sso", "-e", "normal,build"],
        has: &["aws-config", "aws-sdk-ssm", "aws-sdk-sso", "aws-sdk-ssooidc"],
        lacks: &["aws-sdk-secretsmanager", "azure_*", "typespec*", "google-cloud-*"],
        once: &["rustls", "hyper", "http", "tokio", "reqwest"],
        at_most: None,
        why: "one service of one cloud",
    },
    Tree {
        what: "mstr-rest, default features",
        args: &["-p", "mstr-rest", "-e", "normal,build"],
        has: &["mstr-rest-api", "rustls", "aws-lc-rs", "http@1"],
        lacks: &["ring", "openssl-sys", "native-tls", "http@0.2", "hyper@0.14", "async-std"],
        once: &["rustls", "hyper", "tokio", "reqwest"],
        // with two for the dates of objects (jiff), one that decompresses twice as fast (zlib-rs), two
        // for form bodies (serde_urlencoded) and one for whose a saved session is (hmac-sha256)
        at_most: Some(139),
        why: "one TLS stack, one crypto provider, one HTTP stack",
    },
    Tree {
        what: "mstr-rest, all features",
        args: &["-p", "mstr-rest", "--all-features", "-e", "normal,build"],
        has: &["mstr-rest-api", "rustls", "aws-lc-rs"],
        lacks: &["ring", "openssl-sys", "native-tls", "http@0.2", "hyper@0.14", "async-std"],
        once: &["rustls", "hyper", "tokio", "reqwest"],
        at_most: None,
        why: "no feature brings a second stack",
    },
    Tree {
        what: "mstr-rest-core, no features",
        args: &["-p", "mstr-rest-core", "--no-default-features", "-e", "normal,build"],
        has: &["reqwest", "mstr-credentials"],
        lacks: &["rustls", "aws-lc-*", "ring", "openssl-sys", "native-tls"],
        once: &[],
        at_most: None,
        why: "TLS is a choice, and plain HTTP behind a gateway needs none",
    },
    Tree {
        what: "mstr-credentials",
        args: &["-p", "mstr-credentials", "--all-features", "-e", "normal,build"],
        has: &["zeroize"],
        lacks: &["secrecy", "reqwest", "hyper", "http", "mstr-rest*"],
        once: &[],
        at_most: None,
        why: "floor 0 reads secrets and speaks no HTTP",
    },
    Tree {
        what: "mstr-credentials-azure",
        args: &["-p", "mstr-credentials-azure", "--all-features", "-e", "normal,build"],
        has: &["mstr-credentials", "azure_identity", "rustls", "aws-lc-rs"],
        lacks: &[
            "mstr-rest*",
            "aws-config",
            "aws-sdk-*",
            "google-cloud-*",
            "ring",
            "openssl-sys",
            "native-tls",
            "http@0.2",
            "hyper@0.14",
        ],
        once: &["rustls", "hyper", "tokio", "reqwest"],
        at_most: Some(139),
        why: "one cloud, one TLS stack, and no session",
    },
    Tree {
        what: "mstr-credentials-gcp",
        args: &["-p", "mstr-credentials-gcp", "--all-features", "-e", "normal,build"],
        has: &["mstr-credentials", "google-cloud-secretmanager-v1", "rustls", "aws-lc-rs"],
        lacks: &[
            "mstr-rest*",
            "aws-config",
            "aws-sdk-*",
            "azure_*",
            "typespec*",
            "ring",
            "openssl-sys",
            "native-tls",
            "http@0.2",
            "hyper@0.14",
        ],
        once: &["rustls", "hyper", "tokio", "reqwest"],
        at_most: Some(173),
        why: "one cloud, one TLS stack, and no session",
    },
    Tree {
        what: "mstr-rest, feature azure",
        args: &["-p", "mstr-rest", "--features", "azure", "-e", "normal,build"],
        has: &["mstr-credentials-azure"],
        lacks: &["aws-config", "aws-sdk-*", "google-cloud-*"],
        once: &[],
        at_most: None,
        why: "a feature brings its own cloud only",
    },
    Tree {
        what: "mstr-rest, feature gcp",
        args: &["-p", "mstr-rest", "--features", "gcp", "-e", "normal,build"],
        has: &["mstr-credentials-gcp"],
        lacks: &["aws-config", "aws-sdk-*", "azure_*", "typespec*"],
        once: &[],
        at_most: None,
        why: "a feature brings its own cloud only",
    },
    Tree {
        what: "mstr-credentials-vault",
        args: &["-p", "mstr-credentials-vault", "-e", "normal,build"],
        has: &["mstr-credentials", "reqwest", "rustls", "aws-lc-rs"],
        lacks: &[
            "mstr-rest*",
            "aws-config",
            "aws-sdk-*",
            "azure_*",
            "typespec*",
            "google-cloud-*",
            "ring",
            "openssl-sys",
            "native-tls",
            "http@0.2",
            "hyper@0.14",
        ],
        once: &["rustls", "hyper", "tokio", "reqwest"],
        at_most: Some(101),
        why: "one vault, one TLS stack, no SDK and no session",
    },
    Tree {
        what: "mstr-credentials-vault, no features",
        args: &["-p", "mstr-credentials-vault", "--no-default-features", "-e", "normal,build"],
        has: &["reqwest", "mstr-credentials"],
        lacks: &["rustls", "aws-lc-*", "ring", "openssl-sys", "native-tls"],
        once: &[],
        at_most: None,
        why: "TLS is a choice: a Vault Agent on loopback needs none",
    },
    Tree {
        what: "mstr-sim",
        args: &["-p", "mstr-sim", "--all-features", "-e", "normal,build"],
        has: &["tokio"],
        lacks: &["mstr-credentials*", "mstr-rest*", "reqwest", "ring"],
        once: &[],
        at_most: None,
        why: "protocol code that is shared with the client would share its mistakes",
    },
    // Cargo unifies features over the default members when it builds the quickstart.
    Tree {
        what: "default members (the quickstart's features)",
        args: &["-e", "normal,build"],
        has: &["mstr-rest", "mstr-examples"],
        lacks: &CLOUDS_AND_COMMAND_LINES,
        once: &[],
        at_most: None,
        why: "the quickstart compiles in a minute",
    },
    Tree {
        what: "mstr-examples",
        args: &["-p", "mstr-examples", "-e", "normal,build,dev"],
        has: &["mstr-rest", "mstr-sim"],
        lacks: &CLOUDS_AND_COMMAND_LINES,
        once: &[],
        at_most: None,
        why: "the quickstart compiles in a minute",
    },
];

const CLOUDS_AND_COMMAND_LINES: [&str; 10] = [
    "aws-config",
    "aws-sdk-*",
    "aws-smithy-*",
    "azure_*",
    "typespec*",
    "google-cloud-*",
    "clap",
    "clap_*",
    "arrow*",
    "parquet",
];

pub(crate) fn run(ws: &Workspace) -> Result {
    let mut problems = Vec::new();
    for tree in TREES {
        let output = sh::output(
            sh::cargo(&ws.root)
                .args(["tree", "--locked", "--quiet", "--prefix", "none", "--format", "{p}"])
                .args(tree.args),
        )?;
        let crates = parse(&output);
        let limit = tree.at_most.map(|limit| format!(" of {limit}")).unwrap_or_default();
        println!(
            "{}: {}{limit} crates (cargo tree {})",
            tree.what,
            crates.len(),
            tree.args.join(" ")
        );
        problems.extend(tree.check(&crates).into_iter().map(|p| format!("{}: {p}", tree.what)));
    }
    for problem in &problems {
        println!("error: {problem}");
    }
    if !problems.is_empty() {
        return Err(format!("{} problems", problems.len()).into());
    }
    msrv::dependencies(ws)
}

impl Tree {
    fn check(&self, crates: &BTreeSet<(&str, &str)>) -> Vec<String> {
        let matching = |pattern: &str| -> Vec<String> {
            let of = crates.iter().filter(|(name, version)| matches(pattern, name, version));
            of.map(|(name, version)| format!("{name} {version}")).collect()
        };
        let mut problems = Vec::new();
        for pattern in self.has {
            if matching(pattern).is_empty() {
                problems.push(format!("has no {pattern}"));
            }
        }
        for pattern in self.lacks {
            for found in matching(pattern) {
                problems.push(format!("has {found}, and should not: {}", self.why));
            }
        }
        for name in self.once {
            let found = matching(name);
            if found.len() > 1 {
                problems.push(format!("has {}: {}", found.join(" and "), self.why));
            }
        }
        if let Some(limit) = self.at_most
            && crates.len() > limit
        {
            problems.push(format!(
                "{} crates, more than {limit}: find out why, then raise the limit in deps.rs",
                crates.len()
            ));
        }
        problems
    }
}

/// Names and versions from `cargo tree --prefix none`, where one crate comes often.
fn parse(output: &str) -> BTreeSet<(&str, &str)> {
    output
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect()
}

fn matches(pattern: &str, name: &str, version: &str) -> bool {
    if let Some((wanted, wanted_version)) = pattern.split_once('@') {
        let rest = version.strip_prefix(wanted_version);
        wanted == name && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    } else if let Some(prefix) = pattern.strip_suffix('*') {
        name.starts_with(prefix)
    } else {
        pattern == name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
mstr-rest v0.1.0 (/a/mstr-rest)
http v1.5.0
rustls v0.23.1
rustls v0.23.1 (*)

[build-dependencies]
rustls v0.21.0
aws-lc-rs v1.19.0
";

    fn check(tree: &Tree) -> Vec<String> {
        tree.check(&parse(OUTPUT))
    }

    const TREE: Tree = Tree {
        what: "",
        args: &[],
        has: &[],
        lacks: &[],
        once: &[],
        at_most: None,
        why: "because",
    };

    #[test]
    fn reads_trees() {
        assert_eq!(parse(OUTPUT).len(), 5);
    }

    #[test]
    fn accepts_a_good_tree() {
        let good = Tree {
            has: &["rustls", "http@1", "aws-lc-*"],
            lacks: &["ring", "http@0.2"],
            once: &["http"],
            at_most: Some(5),
            ..TREE
        };
        assert_eq!(check(&good), Vec::<String>::new());
    }

    #[test]
    fn each_assertion_can_fail() {
        assert_eq!(check(&Tree { has: &["ring"], ..TREE }), ["has no ring"]);
        assert_eq!(
            check(&Tree { lacks: &["aws-*"], ..TREE }),
            ["has aws-lc-rs 1.19.0, and should not: because"]
        );
        assert_eq!(
            check(&Tree { once: &["rustls"], ..TREE }),
            ["has rustls 0.21.0 and rustls 0.23.1: because"]
        );
        assert!(check(&Tree { at_most: Some(4), ..TREE })[0].starts_with("5 crates, more than 4"));
    }

    #[test]
    fn versions_end_at_dots() {
        assert!(matches("http@0.2", "http", "0.2.12"));
        assert!(!matches("http@0.2", "http", "0.20.0"));
        assert!(!matches("http@0.2", "http-body", "0.2.0"));
        assert!(!matches("http", "http-body", "1.0.0"));
    }
}
