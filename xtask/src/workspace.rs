//! What `cargo metadata` and git know about the workspace.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::sh::{self, Result};

/// The workspace that this program was built in.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// This program. Its path is asked for at the start: where a step builds it anew, with features
    /// of all packages, a later answer is a file that is gone.
    pub(crate) program: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A member of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, relative to the root, with slashes.
    pub(crate) dir: String,
    pub(crate) version: String,
    /// The oldest compiler that it says it needs.
    pub(crate) rust_version: Option<String>,
    pub(crate) published: bool,
    pub(crate) is_library: bool,
    /// What `cargo publish` asks for, and what a page of a registry shows.
    pub(crate) missing_metadata: Vec<&'static str>,
    /// Names of normal and build dependencies, optional ones too.
    pub(crate) dependencies: Vec<String>,
    /// Members that a registry must have before this one: dependencies of all kinds that name a
    /// version, with what they ask for. (One without a version stays out of the package.)
    pub(crate) needs: Vec<(String, String)>,
    /// What each feature turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

const WANTED_METADATA: &[&str] =
    &["description", "license", "repository", "readme", "keywords", "categories"];

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let program = env::current_exe()?;
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no parent folder")?;
        let json = sh::output(sh::cargo(root).args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--quiet",
        ]))?;
        let metadata: Value = serde_json::from_str(&json)?;
        let root = PathBuf::from(text(&metadata["workspace_root"])?);
        let target = PathBuf::from(text(&metadata["target_directory"])?);
        let packages = list(&metadata["packages"])
            .iter()
            .map(|p| Package::read(p, &root))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { program, root, target, packages })
    }

    /// All files of the project, as git sees them, relative to the root: tracked, or new and not
    /// ignored. (A check that waits for `git add` comes a commit late.)
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let text = sh::output(sh::command("git", &self.root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let files: Vec<_> = text
            .split('\0')
            .filter(|file| !file.is_empty() && self.root.join(file).is_file())
            .map(String::from)
            .collect();
        if files.is_empty() { Err("git lists no files".into()) } else { Ok(files) }
    }

    pub(crate) fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(self.root.join(file)).map_err(|e| format!("{file}: {e}").into())
    }

    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.published)
    }

    pub(crate) fn package(&self, name: &str) -> Result<&Package> {
        self.packages
            .iter()
            .find(|p| p.name == name)
            .ok_or_else(|| format!("the workspace has no package {name}").into())
    }
}

impl Package {
    fn read(json: &Value, root: &Path) -> Result<Self> {
        let manifest = Path::new(text(&json["manifest_path"])?);
        let dir = manifest.parent().and_then(|dir| dir.strip_prefix(root).ok());
        let dir = dir.ok_or_else(|| format!("{} is outside the root", manifest.display()))?;
        let empty = |key: &&'static str| match &json[*key] {
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => true,
        };
        let mut dependencies = list(&json["dependencies"])
            .iter()
            .filter(|d| d["kind"].as_str() != Some("dev"))
            .map(|d| text(&d["name"]).map(String::from))
            .collect::<Result<Vec<_>>>()?;
        dependencies.sort();
        dependencies.dedup();
        let mut needs = list(&json["dependencies"])
            .iter()
            .filter(|d| d["path"].is_string() && d["req"] != "*")
            .map(|d| Ok((text(&d["name"])?.into(), text(&d["req"])?.into())))
            .collect::<Result<Vec<_>>>()?;
        needs.sort();
        needs.dedup();
        Ok(Self {
            name: text(&json["name"])?.into(),
            dir: dir.to_string_lossy().replace('\\', "/"),
            version: text(&json["version"])?.into(),
            rust_version: json["rust_version"].as_str().map(String::from),
            published: json["publish"].is_null(),
            is_library: list(&json["targets"])
                .iter()
                .any(|target| list(&target["kind"]).iter().any(|kind| kind == "lib")),
            missing_metadata: WANTED_METADATA.iter().copied().filter(empty).collect(),
            dependencies,
            needs,
            features: serde_json::from_value(json["features"].clone())?,
        })
    }
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| "cargo metadata: a text is missing".into())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
