//! The corpus: replies of servers as they are documented and recorded, each with the right table.
//!
//! One file of `replies/` is one case: what the server replies, how the data is asked for, and the
//! table, the error or the requests that are right (`corpus/case.rs` is the format). Each case runs
//! through the library, in four formats, and through the real command, each time against a server
//! of its own. A case that is `known` to fail is reported apart, and fails the run when it passes.

mod case;
mod check;
mod command;
mod grid;
mod library;
mod served;
mod shapes;
mod table;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use tokio::task::LocalSet;

use crate::server::Server;
use crate::tls;
use case::{Ask, Case, Certificate, Export, Form, Way};
use grid::Grid;
use library::Place;
use served::{Asked, Served};

/// Each case runs the command, which takes a core.
const THREADS: usize = 3;

/// What to run.
pub(crate) struct Options {
    /// The folder of the cases.
    pub(crate) folder: PathBuf,
    /// The `mstr` to run. Without it only the library is.
    pub(crate) program: Option<PathBuf>,
    /// Cases whose names begin with one of these; without any all of them, and the shapes of what
    /// the simulator serves.
    pub(crate) only: Vec<String>,
}

struct Ran {
    name: String,
    what: String,
    known: Option<String>,
    wrong: Vec<String>,
    case: Option<Case>,
}

/// Runs the cases, and says how many passed. Whether nothing failed that must not.
pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(&options.folder)
        .map_err(|error| format!("{}: {error}", options.folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter(|path| {
            let name = name(path);
            options.only.is_empty() || options.only.iter().any(|only| name.starts_with(only))
        })
        .collect();
    files.sort();
    let (waiting, done) = (Mutex::new(files.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(file) = next else { return };
                    let ran = one(&file, options.program.as_deref());
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(ran);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by(|a, b| a.name.cmp(&b.name));
    let passed = report(&done);
    if !options.only.is_empty() {
        return Ok(passed);
    }
    let cases: Vec<Case> = done.into_iter().filter_map(|ran| ran.case).collect();
    let known = options.folder.join("../simulator.json");
    Ok(shapes::run(&cases, &known)? && passed)
}

fn report(ran: &[Ran]) -> bool {
    let (passed, others): (Vec<_>, Vec<_>) = ran.iter().partition(|ran| ran.wrong.is_empty());
    let (known, failed): (Vec<_>, Vec<_>) = others.into_iter().partition(|ran| ran.known.is_some());
    for Ran { name, what, wrong, .. } in &failed {
        println!("FAILED {name} ({what}):\n    {}", wrong.join("\n    "));
    }
    for Ran { name, known, wrong, .. } in &known {
        let wrong = wrong.first().and_then(|wrong| wrong.lines().next()).unwrap_or_default();
        println!("known {name}: {} [{wrong}]", known.as_deref().unwrap_or_default());
    }
    let mended: Vec<_> = passed.iter().filter(|ran| ran.known.is_some()).collect();
    for Ran { name, .. } in &mended {
        println!("FAILED {name}: it passes, and is said to be known to fail: remove \"known\"");
    }
    let wrong = failed.len() + mended.len();
    let right = passed.len() - mended.len();
    println!("corpus: {right} passed, {wrong} failed, {} known to fail", known.len());
    // a selection of nothing is no success
    wrong == 0 && !ran.is_empty()
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn one(file: &Path, program: Option<&Path>) -> Ran {
    let mut ran =
        Ran { name: name(file), what: String::new(), known: None, wrong: Vec::new(), case: None };
    let case = std::fs::read(file)
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_slice::<Case>(&text).map_err(|error| error.to_string()));
    match case {
        Err(why) => ran.wrong.push(why),
        Ok(case) => {
            ran.what.clone_from(&case.what);
            ran.known.clone_from(&case.known);
            for (number, ask) in case.asks.iter().enumerate() {
                let wrong = match check::is_sound(ask) {
                    Err(why) => {
                        // a case that says nothing must not pass for one that is known to fail
                        ran.known = None;
                        vec![why]
                    }
                    Ok(()) => run_ask(&case, ask, program).unwrap_or_else(|why| vec![why]),
                };
                ran.wrong.extend(wrong.into_iter().map(|it| format!("ask {}: {it}", number + 1)));
            }
            if case.asks.is_empty() {
                ran.wrong.push("nothing is asked for".to_owned());
            }
            ran.case = Some(case);
        }
    }
    ran
}

fn run_ask(case: &Case, ask: &Ask, program: Option<&Path>) -> Result<Vec<String>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    LocalSet::new().block_on(&runtime, every_way(case, ask, program))
}

/// The server of a case, for one run.
struct Stage {
    server: Rc<Server<Served>>,
    base_url: String,
    folder: TempDir,
    ca_file: Option<PathBuf>,
}

impl Stage {
    async fn of(case: &Case) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let certificate = case.tls.map(|kind| match kind {
            Certificate::SelfSigned => tls::self_signed(),
            Certificate::CaWithoutKeyUsage => tls::of_ca_without_key_usage(),
        });
        let (mut ca_file, mut config) = (None, None);
        if let Some(certificate) = certificate {
            let (pem, server) = certificate.map_err(|error| error.to_string())?;
            let file = folder.path().join("ca.pem");
            std::fs::write(&file, pem).map_err(|error| error.to_string())?;
            (ca_file, config) = (Some(file), Some(server));
        }
        let scheme = if config.is_some() { "https" } else { "http" };
        let (server, address) = Server::start_with(Served::new(case), config).await?;
        let base_url = format!("{scheme}://{address}/MicroStrategyLibrary/api/");
        Ok(Self { server, base_url, folder, ca_file })
    }

    fn asked(&self) -> Vec<Asked> {
        self.server.script.borrow().asked.clone()
    }

    /// What the server could not reply as the case says.
    fn problems(&self) -> Vec<String> {
        self.server.problems.borrow().clone()
    }
}

async fn every_way(case: &Case, ask: &Ask, program: Option<&Path>) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    let mut runs = 0;
    let grid = Grid::of(case);
    if let (Some(export), Some(grid)) = (&ask.export, &grid)
        && ask.only != Some(Way::Command)
    {
        let forms = ask.forms.as_deref().unwrap_or(&Form::ALL);
        for &form in forms {
            let place = Stage::of(case).await?;
            let columns = check::columns(&ask.right);
            let at = Place { folder: place.folder.path(), columns: &columns };
            let outcome = library::export(&place.base_url, grid, export, form, at).await?;
            let Some(outcome) = outcome else { break };
            runs += 1;
            let mut found = check::library(&ask.right, Some(form), &outcome);
            if Some(&form) == forms.first() {
                found.extend(check::requests(ask, &place.asked()));
            }
            found.extend(place.problems());
            wrong.extend(found.into_iter().map(|it| format!("library, {form:?}: {it}")));
        }
    }
    if let (Some(call), Some(grid)) = (&ask.library, &grid) {
        let place = Stage::of(case).await?;
        let outcome = library::call(&place.base_url, grid, call).await;
        runs += 1;
        let mut found = check::library(&ask.right, None, &outcome);
        found.extend(check::requests(ask, &place.asked()));
        found.extend(place.problems());
        wrong.extend(found.into_iter().map(|it| format!("library: {it}")));
    }
    if let Some(program) = program
        && let Some((arguments, export)) = arguments(ask, grid.as_ref())
    {
        let place = Stage::of(case).await?;
        let found = by_command(ask, program, &arguments, export, &place).await?;
        runs += 1;
        wrong.extend(found.into_iter().map(|it| format!("command: {it}")));
    } else if program.is_none() {
        runs += 1;
    }
    if runs == 0 {
        wrong.push("it is asked for in no way".to_owned());
    }
    Ok(wrong)
}

fn arguments<'a>(ask: &'a Ask, grid: Option<&Grid>) -> Option<(Vec<String>, Option<&'a Export>)> {
    if let Some(command) = &ask.command {
        return Some((command.clone(), None));
    }
    let (export, grid) = (ask.export.as_ref()?, grid?);
    let skipped = ask.only == Some(Way::Library) || grid.kind == grid::Kind::Visualization;
    (!skipped).then(|| (command::arguments(&grid.id, export), Some(export)))
}

async fn by_command(
    ask: &Ask,
    program: &Path,
    arguments: &[String],
    export: Option<&Export>,
    place: &Stage,
) -> Result<Vec<String>, String> {
    let folder = place.folder.path();
    let ca_file = place.ca_file.as_deref().unwrap_or(folder).display().to_string();
    let fill = |argument: &String| {
        let argument = argument.replace("{url}", &place.base_url).replace("{ca_file}", &ca_file);
        argument.replace("{dir}", &folder.display().to_string())
    };
    let arguments: Vec<String> = arguments.iter().map(fill).collect();
    let ran = command::run(program, &arguments, &place.base_url, folder).await?;
    let mut wrong = check::command(&ask.right, &ran, export, folder);
    wrong.extend(check::requests(ask, &place.asked()));
    wrong.extend(place.problems());
    Ok(wrong)
}
