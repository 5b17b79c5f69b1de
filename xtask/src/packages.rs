//! Programs that come from the packages of Debian or Ubuntu.

use std::{path::Path, process::Command};

use crate::sh::{self, Result};

/// How often an installation is tried: mirrors fail at times.
const TRIES: usize = 3;

/// Installs the packages whose program, of the same name, is missing.
pub(crate) fn ensure(root: &Path, names: &[&str]) -> Result {
    let mut failure = None;
    for _ in 0..TRIES {
        let missing: Vec<_> = names.iter().copied().filter(|name| !is_there(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        failure = install(root, &missing).err();
    }
    let missing: Vec<_> = names.iter().copied().filter(|name| !is_there(name)).collect();
    match (missing.is_empty(), failure) {
        (true, _) => Ok(()),
        (false, Some(error)) => Err(error),
        (false, None) => Err(format!("installed, but not found: {}", missing.join(", ")).into()),
    }
}

/// Whether the program runs. Users other than root often do not have its folder in their path.
fn is_there(name: &str) -> bool {
    let runs = |program: &Path| Command::new(program).arg("-v").output().is_ok();
    runs(Path::new(name)) || runs(&Path::new("/usr/sbin").join(name))
}

fn install(root: &Path, names: &[&str]) -> Result {
    let apt_get = || {
        let mut command = if is_root() {
            sh::command("apt-get", root)
        } else {
            let mut command = sh::command("sudo", root);
            command.args(["--non-interactive", "apt-get"]);
            command
        };
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    sh::run(apt_get().args(["update", "--quiet"]))?;
    sh::run(apt_get().args(["install", "--quiet", "--yes"]).args(names))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
