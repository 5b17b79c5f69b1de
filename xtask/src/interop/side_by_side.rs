//! Our providers of secrets beside the SDKs of the clouds for Python and mstr-rest-requests, on the same
//! emulators: a table of values, calls and kinds of failure.

use std::path::Path;

use super::{
    aws::Emulator,
    azure_gcp::{Stub, sdks},
};
use crate::{programs, sh::Result};

pub(super) const SCRIPT: &str = "side_by_side.py";

/// Our side of it.
const OURS: &str = "resolve_references";

pub(super) fn run(root: &Path) -> Result {
    println!("\n== {SCRIPT}");
    let environment = sdks(root)?;
    let alone = ["-p", "mstr-examples", "--features", "aws,azure,gcp", "--example", OURS];
    let program = programs::program(root, &alone, OURS)?;
    let moto = Emulator::moto(root)?;
    let stub = Stub::start(root, &environment)?;
    let mut table = environment.python();
    table.arg(root.join("xtask/interop").join(SCRIPT)).arg("--program").arg(program);
    table.args(["--aws", &moto.url, "--https", &stub.https, "--http", &stub.http]);
    moto.run_with_keys(table.env("REQUESTS_CA_BUNDLE", &stub.ca))
}
