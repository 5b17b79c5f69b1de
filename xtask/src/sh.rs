//! Running other programs: each is printed before it runs, and a failure names it.

use std::{
    env, fmt,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// `cargo`, the one that runs us.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    command(&program, root)
}

/// A program that runs in `root`.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, root: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root);
    // `cargo run` tells us about our own package. Build scripts that watch these variables would
    // run once with them (from here) and once without (from a shell), and rebuild C code each time.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Keeps servers that this shell knows from an example: it must run by itself.
pub(crate) fn forget_servers(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("MSTR_") {
            command.env_remove(name);
        }
    }
}

/// Runs it; its output is ours.
pub(crate) fn run(command: &mut Command) -> Result {
    println!("$ {}", Shown(command));
    let status = command.status().map_err(|e| format!("{}: {e}", Shown(command)))?;
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

/// Runs it and returns its standard output, which is not printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("{}: {e}", Shown(command)))?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(failed(command, output.status))
    }
}

/// Runs it, prints its standard output as it comes, and returns it whatever the exit code says.
pub(crate) fn tee(command: &mut Command) -> Result<(String, Result)> {
    println!("$ {}", Shown(command));
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|e| format!("{}: {e}", Shown(command)))?;
    let mut text = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = BufReader::new(stdout);
        let mut line = Vec::new();
        while stdout.read_until(b'\n', &mut line)? > 0 {
            let shown = String::from_utf8_lossy(&line);
            print!("{shown}");
            text += &shown;
            line.clear();
        }
    }
    let status = child.wait()?;
    let result = if status.success() { Ok(()) } else { Err(failed(command, status)) };
    Ok((text, result))
}

/// Runs it and returns its standard error, which is not printed, whatever the exit code says.
pub(crate) fn errors_of(command: &mut Command) -> Result<(String, Result)> {
    println!("$ {}", Shown(command));
    let output = command.output().map_err(|e| format!("{}: {e}", Shown(command)))?;
    let failed = (!output.status.success()).then(|| failed(command, output.status));
    Ok((String::from_utf8_lossy(&output.stderr).into_owned(), failed.map_or(Ok(()), Err)))
}

fn failed(command: &Command, status: std::process::ExitStatus) -> Box<dyn std::error::Error> {
    format!("`{}` failed ({status})", Shown(command)).into()
}

/// A command as one would type it.
pub(crate) struct Shown<'a>(pub(crate) &'a Command);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.0.get_envs() {
            if let Some(value) = value
                && name != "PATH"
            {
                write!(f, "{}={:?} ", name.to_string_lossy(), value.to_string_lossy())?;
            }
        }
        let program = Path::new(self.0.get_program()).file_name().unwrap_or_default();
        write!(f, "{}", program.to_string_lossy())?;
        for arg in self.0.get_args() {
            let arg = arg.to_string_lossy();
            if arg.contains(|c: char| c.is_whitespace() || c == '{') {
                write!(f, " '{arg}'")?;
            } else {
                write!(f, " {arg}")?;
            }
        }
        Ok(())
    }
}
