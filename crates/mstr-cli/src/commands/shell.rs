//! Completions and the manual page.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{args::Cli, failure::Result, output::Stdout};

/// Print the completions of a shell.
///
/// Bash: mstr completions bash > ~/.local/share/bash-completion/completions/mstr
#[derive(Args, Debug)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result {
        // clap_complete panics where it cannot write
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "mstr", &mut script);
        Stdout.write_all(&script)?;
        Ok(())
    }
}

pub(crate) fn man() -> Result {
    clap_mangen::Man::new(Cli::command()).render(&mut Stdout)?;
    Ok(())
}
