//! The commands. Each takes its arguments and the context, and prints.

pub(crate) mod api;
pub(crate) mod browse;
pub(crate) mod export;
pub(crate) mod login;
pub(crate) mod monitor;
pub(crate) mod profiles;
mod projects;
pub(crate) mod shell;
pub(crate) mod sim;
mod status;
pub(crate) mod tour;
pub(crate) mod whoami;

use clap::CommandFactory as _;

use crate::{
    args::{Cli, Command},
    context::Context,
    failure::Result,
};

pub(crate) async fn run(cli: Cli) -> Result {
    let context = Context::new(cli.global)?;
    match cli.command {
        Command::Login(login) => login.run(&context).await,
        Command::Logout(logout) => logout.run(&context).await,
        Command::Status(format) => status::run(&context, format).await,
        Command::Whoami(whoami) => whoami.run(&context).await,
        Command::Profiles(profiles) => profiles.run().await,
        Command::Api(api) => api.run(&context).await,
        Command::Projects(format) => projects::run(&context, format).await,
        Command::Ls(ls) => ls.run(&context).await,
        Command::Find(find) => find.run(&context).await,
        Command::Object(object) => object.run(&context).await,
        Command::Users(users) => users.run(&context).await,
        Command::Groups(groups) => groups.run(&context).await,
        Command::Nodes(nodes) => nodes.run(&context).await,
        Command::Jobs(jobs) => jobs.run(&context).await,
        Command::Cubes(cubes) => cubes.run(&context).await,
        Command::Subs(subs) => subs.run(&context).await,
        Command::Export(export) => export.run(&context).await,
        Command::Sim(sim) => sim.run().await,
        Command::Tour(tour) => tour.run().await,
        Command::Completions(completions) => completions.run(Cli::command()),
        Command::Man => shell::man(Cli::command()),
    }
}
