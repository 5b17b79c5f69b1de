//! Commands: `op`, `pass`, `vault`, `az`, `gcloud` ...

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{ChildStdout, Command},
    runtime::Handle,
    time::{Instant, sleep_until, timeout},
};
use zeroize::Zeroizing;

use crate::{
    CachedSecret, CredentialError, MAX_SECRET_BYTES, SecretProvider, SecretString,
    value::SecretValue,
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a failed command's output is waited for when a process that it left behind holds it.
const GRACE: Duration = Duration::from_secs(1);
/// How much of the error output is looked at, in bytes, and how much is shown, in characters.
const STDERR_BYTES: usize = 4096;
const STDERR_SHOWN: usize = 200;

/// A command that prints a secret, run at every resolve.
///
/// The program is started directly, **without a shell**: nothing is expanded and nothing needs
/// quoting. The secret is the first line of its standard output.
///
/// * Standard input is closed. Standard output is read up to [`MAX_SECRET_BYTES`]; more is an error.
/// * Timeout: 30 seconds, see [`with_timeout`](Self::with_timeout). After that, and when the resolve
///   is dropped, the process is killed (not what it started in its turn).
/// * An exit status other than 0 is an error with the program's name and the status. The first 200
///   characters of the error output come along **only if the command printed nothing else** (a
///   command that failed half way may repeat the secret), and with every word masked that has to
///   do with the arguments.
/// * Arguments may hold secrets: they are in no error and not in `Debug`.
/// * An empty first line is [missing](CredentialError::missing).
///
/// It needs a tokio runtime with I/O and time enabled; outside of one resolving is an error.
/// On Windows, batch files are named with their ending: `az.cmd`, `gcloud.cmd`.
///
/// ```no_run
/// use mstr_credentials::{Credential, SecretCommand};
/// use std::time::Duration;
///
/// // unlocking may take a fingerprint
/// let read = SecretCommand::new(["op", "read", "op://prod/mstr/password"]);
/// let password = Credential::from(read.with_timeout(Duration::from_secs(120)));
///
/// // one run for two fields
/// let vault = SecretCommand::new(["vault", "kv", "get", "-format=json", "-field=data", "kv/mstr"]);
/// let vault = vault.cached();
/// let user = Credential::from(vault.field("username"));
/// let password = Credential::from(vault.field("password"));
/// ```
#[derive(Clone)]
pub struct SecretCommand {
    program: Option<OsString>,
    arguments: Vec<OsString>,
    timeout: Duration,
}

impl SecretCommand {
    /// A program and its arguments. Runs nothing yet.
    pub fn new<I>(argv: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let mut argv = argv.into_iter().map(Into::into);
        Self { program: argv.next(), arguments: argv.collect(), timeout: DEFAULT_TIMEOUT }
    }

    /// Timeout of the command, which is killed then. Default: 30 seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The whole output as a secret with fields: one run serves all of them until it is
    /// invalidated.
    pub fn cached(self) -> CachedSecret {
        let timeout = self.timeout;
        CachedSecret::new(self.name(), move || {
            let command = self.clone();
            async move { command.whole().await }
        })
        .with_timeout(timeout)
    }

    /// The first line as a secret: one run serves until it is invalidated.
    pub(crate) fn cached_line(self) -> CachedSecret {
        let timeout = self.timeout;
        CachedSecret::new(self.name(), move || {
            let command = self.clone();
            async move { command.secret().await }
        })
        .with_timeout(timeout)
    }

    pub(crate) fn name(&self) -> String {
        format!("credential command {}", shown_program(self.program.as_deref()))
    }

    /// Everything it prints.
    async fn whole(&self) -> Result<SecretValue, CredentialError> {
        let output = self.run(Until::End).await?;
        Ok(output.bytes().into())
    }

    async fn run(&self, until: Until) -> Result<Captured<ChildStdout>, CredentialError> {
        let failed = |what: &str| CredentialError::new(format!("{} {what}", self.name()));
        let Some(program) = &self.program else {
            return Err(failed("has no program"));
        };
        if Handle::try_current().is_err() {
            return Err(failed("needs a tokio runtime"));
        }
        let mut command = Command::new(program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // On the heap: it holds the process. Dropping it, which is what a timeout does, kills.
        let finished = timeout(self.timeout, Box::pin(run(command, until))).await;
        match finished {
            Err(_) => Err(failed(&format!("was killed after {:?}", self.timeout))),
            Ok(Err(Failure::Start(error))) => {
                let what = format!("{} cannot be started", self.name());
                Err(CredentialError::with_source(what, error))
            }
            Ok(Err(Failure::TooLong)) => {
                Err(failed(&format!("printed more than {MAX_SECRET_BYTES} bytes")))
            }
            Ok(Err(Failure::Status { status, stderr })) => {
                Err(failed(&match self.without_arguments(&stderr) {
                    text if text.is_empty() => format!("failed ({status})"),
                    text => format!("failed ({status}): {text}"),
                }))
            }
            Ok(Ok(output)) => Ok(output),
        }
    }

    /// Error output on one line, shortened, with the words masked that occur in the arguments:
    /// `curl: bad option --password=hunter2` shall not tell.
    fn without_arguments(&self, stderr: &str) -> String {
        let arguments: Vec<_> = self.arguments.iter().map(|arg| arg.to_string_lossy()).collect();
        let pieces: Vec<&str> = arguments
            .iter()
            .flat_map(|arg| {
                let words = arg.split(|c: char| c.is_whitespace() || "'\"`".contains(c));
                let parts = arg.split(|c: char| c.is_whitespace() || "'\"`=:,;&|".contains(c));
                words.chain(parts)
            })
            .filter(|piece| piece.len() > 2)
            .collect();
        // a part of an argument counts too: `unexpected "hunter" in line 1`
        let told = |word: &str| {
            let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
            pieces
                .iter()
                .any(|piece| word.contains(piece) || (bare.len() > 3 && piece.contains(bare)))
        };
        let shown = stderr
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .map(|word| if told(word) { "***" } else { word });
        let mut text = String::new();
        for word in shown {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        if let Some((end, _)) = text.char_indices().nth(STDERR_SHOWN) {
            text.truncate(end);
            text.push_str("...");
        }
        text
    }
}

impl fmt::Debug for SecretCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretCommand")
            .field("program", &shown_program(self.program.as_deref()))
            .finish_non_exhaustive()
    }
}

impl SecretProvider for SecretCommand {
    async fn secret(&self) -> Result<SecretString, CredentialError> {
        let output = self.run(Until::FirstLine).await?;
        let line = output.bytes().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            let what = format!("{} printed an empty first line", self.name());
            return Err(CredentialError::missing(what));
        }
        SecretValue::from(line).text(&self.name())
    }

    fn timeout(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}

/// The file name of a program. Of a whole command line in one text, which is a mistake that may
/// hold anything, only the first word.
fn shown_program(program: Option<&OsStr>) -> String {
    let Some(program) = program else {
        return "(none)".to_owned();
    };
    let program = program.to_string_lossy();
    let is_windows_path = [".exe", ".cmd", ".bat", ".com"]
        .iter()
        .any(|end| program.to_ascii_lowercase().ends_with(end));
    let path = if is_windows_path {
        &program
    } else {
        program.split(char::is_whitespace).next().unwrap_or_default()
    };
    let name = Path::new(path).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// When a command that ends well has said enough.
#[derive(Clone, Copy)]
enum Until {
    FirstLine,
    End,
}

impl Until {
    fn reached(self, output: &[u8]) -> bool {
        match self {
            Self::FirstLine => output.contains(&b'\n'),
            Self::End => false,
        }
    }
}

enum Failure {
    Start(io::Error),
    TooLong,
    Status { status: ExitStatus, stderr: String },
}

async fn run(mut command: Command, until: Until) -> Result<Captured<ChildStdout>, Failure> {
    let mut child = command.spawn().map_err(Failure::Start)?;
    let mut stdout = Captured::new(child.stdout.take(), MAX_SECRET_BYTES + 1);
    let mut stderr = Captured::new(child.stderr.take(), STDERR_BYTES);
    let mut ended: Option<(ExitStatus, Instant)> = None;
    // A process that the command left behind may hold the pipes open: their end is not waited for
    // where what is there suffices.
    let status = loop {
        if stdout.len > MAX_SECRET_BYTES {
            return Err(Failure::TooLong);
        }
        let failed_at = match ended {
            Some((status, _)) if status.success() => {
                if !stdout.is_open() || until.reached(stdout.bytes()) {
                    return Ok(stdout);
                }
                None
            }
            Some((status, _)) if !stdout.is_open() && !stderr.is_open() => break status,
            Some((status, at)) if at.elapsed() >= GRACE => break status,
            Some((_, at)) => Some(at),
            None => None,
        };
        tokio::select! {
            () = stdout.more(), if stdout.is_open() => {}
            () = stderr.more(), if stderr.is_open() => {}
            status = child.wait(), if ended.is_none() => {
                ended = Some((status.map_err(Failure::Start)?, Instant::now()));
            }
            () = sleep_until(failed_at.unwrap_or_else(Instant::now) + GRACE),
                if failed_at.is_some() => {}
        }
    };
    // whoever printed something may have printed the secret, and may repeat it in a complaint
    let silent = !stdout.is_open() && stdout.len == 0;
    let stderr =
        if silent { String::from_utf8_lossy(stderr.bytes()).into() } else { String::new() };
    Err(Failure::Status { status, stderr })
}

/// The beginning of what comes out of a pipe, in a buffer that never moves and is wiped. The rest
/// is read and forgotten, so that the process is not held up.
struct Captured<R> {
    pipe: Option<R>,
    buffer: Zeroizing<Vec<u8>>,
    len: usize,
    keep: usize,
}

impl<R: AsyncRead + Unpin> Captured<R> {
    fn new(pipe: Option<R>, keep: usize) -> Self {
        Self { pipe, buffer: Zeroizing::new(vec![0; keep + 1024]), len: 0, keep }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    async fn more(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(&mut self.buffer[self.len..]).await {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(n) => self.len = self.keep.min(self.len + n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_shown_without_its_folder_and_never_with_arguments() {
        for (program, shown) in [
            ("op", "op"),
            ("/usr/local/bin/op", "op"),
            ("sh -c 'echo hunter2'", "sh"),
            ("/bin/curl -u me:hunter2 https://x/hunter2", "curl"),
            ("", ""),
            ("/", ""),
        ] {
            assert_eq!(shown_program(Some(program.as_ref())), shown);
        }
        #[cfg(windows)]
        assert_eq!(shown_program(Some(r"C:\Program Files\1Password\op.EXE".as_ref())), "op.EXE");
        assert_eq!(shown_program(None), "(none)");
    }

    #[test]
    fn words_of_the_arguments_are_masked() {
        let command = SecretCommand::new([
            "curl",
            "-u",
            "dave:hunter2",
            "--header=X-Token: tok-123",
            "op://vault/item/password",
        ]);
        let mask = |text: &str| command.without_arguments(text);
        assert_eq!(mask("bad user 'dave:hunter2'"), "bad user ***");
        assert_eq!(mask("bad login hunter2!"), "bad login ***");
        assert_eq!(mask("no tok-123\nhere\x1b[0m"), "no *** here [0m");
        assert_eq!(mask("unexpected \"hunter\" at 2"), "unexpected *** at 2");
        assert_eq!(mask("op://vault/item/password: no such thing"), "*** no such thing");
        assert_eq!(mask(&"é ".repeat(300)).chars().count(), STDERR_SHOWN + 3);
    }
}
