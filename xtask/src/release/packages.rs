//! The packages as a registry would get them: packed, built from what was packed, and looked into.

use std::{fmt::Write as _, fs, path::PathBuf};

use super::{build_folder, folder, order, prepared::LICENCES};
use crate::{
    sh::{self, Result},
    workspace::{Package, Workspace},
};

/// What the registry accepts.
const LARGEST: u64 = 10 * 1024 * 1024;

/// In each package, besides the licence texts.
const WANTED: &[&str] = &["Cargo.toml", "README.md"];

pub(super) fn run(ws: &Workspace) -> Result {
    let packages = order::publish_order(&ws.packages)?;
    let build = build_folder(ws);
    // Each is built against those before it, which cargo serves from a registry that it makes up.
    let mut cargo = sh::cargo(&ws.root);
    // uncommitted work can be tried; what is released is committed (`cargo xtask release`)
    cargo.args(["package", "--locked", "--quiet", "--allow-dirty"]);
    for package in &packages {
        cargo.args(["--package", &package.name]);
    }
    sh::run(cargo.env("CARGO_TARGET_DIR", &build).env("CARGO_PROFILE_DEV_DEBUG", "0"))?;

    let unpacked = unpacked(ws);
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    fs::create_dir_all(&unpacked)?;
    let mut problems = Vec::new();
    println!("{:<24} {:>6} {:>6}", "package", "files", "kB");
    for package in packages {
        let folder = name_of(package);
        let packed = build.join("package").join(format!("{folder}.crate"));
        sh::output(sh::command("tar", &unpacked).arg("-xzf").arg(&packed))?;
        let size = fs::metadata(&packed)?.len();
        let list = sh::output(sh::command("tar", &unpacked).arg("-tzf").arg(&packed))?;
        println!("{:<24} {:>6} {:>6}", package.name, list.lines().count(), size.div_ceil(1000));
        if size > LARGEST {
            problems.push(format!("{folder} has {size} bytes, more than a registry takes"));
        }
        for file in WANTED {
            if !unpacked.join(&folder).join(file).is_file() {
                problems.push(format!("{folder} has no {file}"));
            }
        }
        for licence in LICENCES {
            let wanted = fs::read(ws.root.join(licence))?;
            if fs::read(unpacked.join(&folder).join(licence)).ok() != Some(wanted) {
                problems.push(format!("{folder} has no {licence}, or another one"));
            }
        }
    }
    for problem in &problems {
        println!("error: {problem}");
    }
    if problems.is_empty() { Ok(()) } else { Err(format!("{} problems", problems.len()).into()) }
}

/// Where the packages are unpacked.
pub(super) fn unpacked(ws: &Workspace) -> PathBuf {
    folder(ws).join("packages")
}

/// As in `mstr-rest-0.1.0`: the name of its folder.
pub(super) fn name_of(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

/// Lines of a manifest that take our packages from where they are unpacked, seen from `from`.
pub(super) fn patches(ws: &Workspace, from: &str) -> Result<String> {
    let mut lines = String::from("\n[patch.crates-io]\n");
    for package in ws.published() {
        let folder = name_of(package);
        if !unpacked(ws).join(&folder).is_dir() {
            return Err(format!("{folder} is not unpacked: run the step `package` first").into());
        }
        writeln!(lines, "{} = {{ path = \"{from}{folder}\" }}", package.name)?;
    }
    Ok(lines)
}
