//! Completions and the manual page.

use std::io;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{args::Cli, failure::Result};

/// Print the completions of a shell.
///
/// Bash: mstr completions bash > ~/.local/share/bash-completion/completions/mstr
#[derive(Args, Debug)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    #[allow(clippy::unnecessary_wraps, reason = "as all commands")]
    pub(crate) fn run(self) -> Result {
        clap_complete::generate(self.shell, &mut Cli::command(), "mstr", &mut io::stdout());
        Ok(())
    }
}

pub(crate) fn man() -> Result {
    clap_mangen::Man::new(Cli::command()).render(&mut io::stdout())?;
    Ok(())
}
