//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{api, browse, export, login, monitor, profiles, shell, sim, tour, whoami};
use crate::context::Global;
use crate::output::Format;

/// MicroStrategy (Strategy) from the command line.
///
/// Log in once with `mstr login URL`; the session is kept for the commands that follow. Where
/// nobody can log in (a nightly job, CI), set MSTR_BASE_URL and MSTR_USERNAME, MSTR_PASSWORD or
/// MSTR_API_KEY: each command then logs in, and out again. Values may be references:
/// MSTR_PASSWORD=file:/run/secrets/mstr.
#[derive(Parser, Debug)]
#[command(name = "mstr", version, propagate_version = true, max_term_width = 100)]
#[command(after_long_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Output: a table on a terminal; tab-separated lines without a header where it is piped; --json and
--csv where a script wants more. Nothing is coloured.

Exit codes:
    0  done
    1  a file, or anything else on this machine
    2  wrong usage or configuration
    3  not logged in, or the login was refused
    4  not found
    5  denied: the user lacks a privilege
    6  the server said no, or something that cannot be understood
    7  the network: no connection, no answer in time
  129  the terminal was closed
  130  interrupted by ctrl-c
  143  terminated by a signal, as schedulers send it

Files: config.toml in MSTR_CONFIG_DIR and sessions in MSTR_STATE_DIR, or where this system keeps
configuration and state. The configuration holds no secrets; sessions are readable by you alone.

Try it without a server of yours: mstr tour";

// the text of a command is the comment of its arguments
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Login(login::Login),
    Logout(login::Logout),
    /// Show whose session commands would use, and whether it is alive
    Status(Format),
    Whoami(whoami::Whoami),
    Profiles(profiles::Profiles),
    Api(api::Api),
    /// List the projects
    Projects(Format),
    Ls(browse::Ls),
    Find(browse::Find),
    Object(browse::ObjectOf),
    Users(browse::Users),
    Groups(browse::Groups),
    Cubes(monitor::Cubes),
    Subs(monitor::Subs),
    Jobs(monitor::Jobs),
    Nodes(monitor::Nodes),
    Export(export::Export),
    Sim(sim::Sim),
    Tour(tour::Tour),
    Completions(shell::Completions),
    /// Print the manual page, in roff
    Man,
}
