//! Tools that checks need, most of them subcommands of cargo: pinned, installed into `target/tools`
//! where missing.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    sh::{self, Result},
    workspace::Workspace,
};

/// A tool from the crate registry.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// Installs in 35 s on 2 cores.
pub(crate) const CARGO_HACK: Tool = Tool { name: "cargo-hack", version: "0.6.46" };

/// Installs in 135 s on 2 cores, with gcc alone (neither cmake nor clang).
pub(crate) const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// Installs in 30 s on 2 cores. Not for CI: it runs no fuzzer.
pub(crate) const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2" };

/// Not for CI, which checks what it is made of.
pub(crate) const MDBOOK: Tool = Tool { name: "mdbook", version: "0.5.4" };
/// Not for CI. It must know the form of the compiler's rustdoc JSON (57, of Rust 1.95).
pub(crate) const CARGO_PUBLIC_API: Tool = Tool { name: "cargo-public-api", version: "0.52.0" };

/// Not for CI. As above: 0.51 knows the form 57, and two later ones.
pub(crate) const CARGO_SEMVER_CHECKS: Tool =
    Tool { name: "cargo-semver-checks", version: "0.51.0" };

/// Not for CI.
pub(crate) const CARGO_CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9" };

/// Not for CI.
pub(crate) const CARGO_TARPAULIN: Tool = Tool { name: "cargo-tarpaulin", version: "0.37.5" };

impl Tool {
    /// `cargo`, with this tool as a subcommand.
    pub(crate) fn cargo(&self, ws: &Workspace) -> Result<Command> {
        let program = self.program(ws, &[])?;
        let mut cargo = sh::cargo(&ws.root);
        if let Some(folder) = program.parent().filter(|folder| folder.is_absolute()) {
            let path = env::var_os("PATH").unwrap_or_default();
            let dirs: Vec<PathBuf> =
                [folder.to_owned()].into_iter().chain(env::split_paths(&path)).collect();
            cargo.env("PATH", env::join_paths(dirs)?);
        }
        Ok(cargo)
    }

    /// Where this tool is: ours, or its name where the path has it. `options` are of its
    /// installation, should it be missing.
    pub(crate) fn program(&self, ws: &Workspace, options: &[&str]) -> Result<PathBuf> {
        let tools = ws.target.join("tools");
        let ours = tools.join("bin").join(self.name).with_extension(env::consts::EXE_EXTENSION);
        if self.is_at(&ours) {
            return Ok(ours);
        }
        if self.is_at(Path::new(self.name)) {
            return Ok(self.name.into());
        }
        self.install(ws, &tools, options)?;
        if self.is_at(&ours) {
            return Ok(ours);
        }
        Err(format!("{} is not {} {}", ours.display(), self.name, self.version).into())
    }

    /// Whether this program is the tool, in the version that we want.
    fn is_at(&self, program: &Path) -> bool {
        Command::new(program)
            .args(self.subcommand()) // as cargo calls it
            .arg("--version")
            .output()
            .is_ok_and(|output| self.is_named_by(&String::from_utf8_lossy(&output.stdout)))
    }

    fn is_named_by(&self, version: &str) -> bool {
        // some name the subcommand once more
        let twice = self.subcommand().map(|subcommand| format!("{}-{subcommand}", self.name));
        let mut words = version.split_whitespace();
        words.next().is_some_and(|name| name == self.name || Some(name) == twice.as_deref())
            && words.next().map(|word| word.strip_prefix('v').unwrap_or(word)) == Some(self.version)
    }

    /// As in `cargo hack`; `None` for a program of its own.
    fn subcommand(&self) -> Option<&str> {
        self.name.strip_prefix("cargo-")
    }

    fn install(&self, ws: &Workspace, tools: &Path, options: &[&str]) -> Result {
        sh::run(
            sh::cargo(&ws.root)
                .args(["install", "--locked", "--force", "--root"])
                .arg(tools)
                .args([self.name, "--version", self.version])
                .args(options)
                // Built in a temporary folder, which goes away, and with little optimisation: a
                // tool that runs for seconds is not worth minutes of link-time optimisation.
                .env_remove("CARGO_TARGET_DIR")
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_not_the_tool() {
        assert!(CARGO_HACK.is_named_by("cargo-hack 0.6.46\n"));
        assert!(CARGO_HACK.is_named_by("cargo-hack 0.6.46 (abcdef 2026-01-01)\n"));
        assert!(CARGO_HACK.is_named_by("cargo-hack v0.6.46\n"));
        assert!(CARGO_CYCLONEDX.is_named_by("cargo-cyclonedx-cyclonedx 0.5.9\n"));
        assert!(!CARGO_HACK.is_named_by("cargo-hack 0.6.4\n"));
        assert!(!CARGO_HACK.is_named_by("cargo-hack-deny 0.6.46\n"));
        assert!(!CARGO_HACK.is_named_by("cargo-deny 0.6.46\n"));
        assert!(!CARGO_HACK.is_named_by(""));
    }
}
