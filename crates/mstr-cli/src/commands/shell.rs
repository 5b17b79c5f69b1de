//! Completions and the manual page.

use std::io::Write as _;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{failure::Result, output::Stdout};

/// Print the completions of a shell.
///
/// Bash: mstr completions bash > ~/.local/share/bash-completion/completions/mstr
#[derive(Args, Debug)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut program: Command) -> Result {
        // clap_complete panics where it cannot write
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "mstr", &mut script);
        Stdout.write_all(&script)?;
        Ok(())
    }
}

pub(crate) fn man(program: Command) -> Result {
    clap_mangen::Man::new(program).render(&mut Stdout)?;
    Ok(())
}
