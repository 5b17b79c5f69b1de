//! From the start of a process to its first authenticated reply; how big the program is.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

use super::{Bench, process, report::Part, stats::Samples};
use crate::sh::Result;

const CLIENTS: [&str; 4] = ["ours", "mstr-rest-requests", "mstr-rest-requests-async", "mstrio"];

#[derive(Default)]
struct Started {
    millis: Samples,
    peak_mb: Samples,
}

pub(super) fn run(bench: &Bench, part: &mut Part) -> Result {
    let schemes: &[&str] = if bench.quick { &["http"] } else { &["http", "https"] };
    for scheme in schemes {
        let mut started = CLIENTS.map(|client| (client, Started::default()));
        // the first round brings the files into memory
        for round in 0..=bench.rounds() {
            let first = round % CLIENTS.len();
            started.rotate_left(first);
            for (client, samples) in &mut started {
                let (millis, peak_kb) = once(command(bench, client, scheme)?)?;
                if round > 0 {
                    samples.millis.push(millis);
                    samples.peak_mb.push(peak_kb / 1024.0);
                }
            }
        }
        let rows = CLIENTS.iter().filter_map(|client| {
            let (_, samples) = started.iter().find(|(name, _)| name == client)?;
            part.keep(format!("{scheme} {client}: ms"), &samples.millis);
            Some(vec![(*client).to_owned(), samples.millis.shown(), samples.peak_mb.shown()])
        });
        let rows = rows.collect();
        part.table(
            format!("{scheme}: login, the list of projects, and the program prints a line"),
            &["client", "ms", "peak MB"],
            rows,
        );
    }
    let program = bench.program("first-reply")?;
    let stripped = bench.folder.join("first-reply-stripped");
    let strip = Command::new("strip").arg("-o").arg(&stripped).arg(program).status();
    let size = match strip {
        Ok(status) if status.success() => process::megabytes(&stripped)?,
        _ => "- (no strip here)".to_owned(),
    };
    part.table(
        "Our program (features `api`, `rustls`, `iserver-codes` and what it does not use)",
        &["MB", "MB stripped"],
        vec![vec![process::megabytes(program)?, size]],
    );
    Ok(())
}

fn command(bench: &Bench, client: &str, scheme: &str) -> Result<Command> {
    let server = &bench.server;
    let (url, user) = (server.told(scheme)?, server.told("user")?);
    let password = server.told("password")?;
    let mut command = if client == "ours" {
        let mut command = Command::new(bench.program("first-reply")?);
        command.args([url, user]).env("MSTR_PASSWORD", password);
        if scheme == "https" {
            command.env("BENCH_CA", server.ca());
        }
        command
    } else {
        let mut command = bench.python.python();
        command.arg(bench.scripts().join("first_reply.py")).args([client, url, user, password]);
        // as installed programs have it: compiled once
        command.env_remove("PYTHONDONTWRITEBYTECODE");
        command
    };
    command.env("SSL_CERT_FILE", server.ca()).env("REQUESTS_CA_BUNDLE", server.ca());
    command.stdout(Stdio::piped());
    Ok(command)
}

/// Milliseconds until it prints a line, and its peak memory so far (`NaN` if the system does not
/// tell).
fn once(mut command: Command) -> Result<(f64, f64)> {
    let start = Instant::now();
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().ok_or("it has no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let taken = start.elapsed();
    // it is still logging out
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse().ok());
    let status = child.wait()?;
    if !line.ends_with("projects\n") || !status.success() {
        return Err(format!("it said {:?} ({status})", line.trim()).into());
    }
    Ok((taken.as_secs_f64() * 1e3, peak.unwrap_or(f64::NAN)))
}
