//! Which cases are run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde_json::Value;

use crate::Result;
use crate::case::{Case, File};

const CASES: &str = include_str!("../cases.json");
const OURS: &str = include_str!("../ours.json");

/// A case, or why it is none.
pub(crate) struct Runnable {
    pub(crate) id: String,
    pub(crate) case: std::result::Result<Case, String>,
}

pub(crate) struct Selection {
    pub(crate) runnable: Vec<Runnable>,
    /// The closed list, whatever files are run.
    pub(crate) deviations: BTreeMap<String, String>,
}

impl Selection {
    pub(crate) fn read(files: &[PathBuf], only: &[String]) -> Result<Self> {
        let own: File = serde_json::from_str(CASES)?;
        let ours: File = serde_json::from_str(OURS)?;
        let deviations = own.conventions.map(|c| c.deviations).unwrap_or_default();
        let ours = by_id(ours.cases)?;
        let cases = if files.is_empty() {
            let mut cases = own.cases;
            // what is ours alone, beside the peer's weaknesses
            let known: BTreeSet<_> = cases.iter().map(id).collect();
            let more = ours.iter().filter(|(id, _)| !known.contains(*id));
            cases.extend(more.map(|(_, case)| case.clone()).collect::<Vec<_>>());
            cases
        } else {
            let read = files.iter().map(|file| read(file));
            read.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()
        };
        let mut selection = Self { runnable: Vec::new(), deviations };
        for case in cases {
            let id = id(&case);
            if only.is_empty() || only.contains(&id) {
                selection.add(id, case, &ours);
            }
        }
        Ok(selection)
    }

    fn add(&mut self, id: String, case: Value, ours: &BTreeMap<String, Value>) {
        let case = match case["status"].as_str() {
            Some("parity" | "ours") => Ok(case),
            // what the peer does is not to be matched
            Some("peer_weakness") => ours
                .get(&id)
                .cloned()
                .ok_or_else(|| "a weakness of the peer for which ours.json has no case".to_owned()),
            _ => Err(format!("status {}: not one that the runner knows", case["status"])),
        };
        let case = case.and_then(|case| {
            serde_json::from_value(case).map_err(|error| format!("not understood: {error}"))
        });
        self.runnable.push(Runnable { id, case });
    }
}

fn read(file: &Path) -> Result<Vec<Value>> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    let file: File = serde_json::from_str(&text).map_err(|error| named(&error))?;
    Ok(file.cases)
}

fn id(case: &Value) -> String {
    case["id"].as_str().unwrap_or("(a case without id)").to_owned()
}

/// One case for each id.
fn by_id(cases: Vec<Value>) -> Result<BTreeMap<String, Value>> {
    let mut map = BTreeMap::new();
    for case in cases {
        if let Some(twice) = map.insert(id(&case), case) {
            return Err(serde_json::Error::custom(format!("{} stands twice", id(&twice))).into());
        }
    }
    Ok(map)
}
