//! A case through the real command.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::corpus::case::Export;
use crate::corpus::table::Table;

/// Retries wait, and the executions of a case may take seconds.
const LIMIT: Duration = Duration::from_secs(90);

/// What a person may have set.
const VARIABLES: &[&str] = &[
    "MSTR_API_KEY",
    "MSTR_IDENTITY_TOKEN",
    "MSTR_LOGIN_MODE",
    "MSTR_PROFILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The arguments of `mstr export`.
pub(crate) fn arguments(id: &str, export: &Export) -> Vec<String> {
    let mut all = vec!["export".to_owned(), export.name.as_deref().unwrap_or(id).to_owned()];
    let mut add = |name: &str, value: &str| all.extend([name.to_owned(), value.to_owned()]);
    add("-o", export.output.as_deref().unwrap_or("-"));
    let texts = [
        ("--types", &export.types),
        ("--execution-timeout", &export.execution_timeout),
        ("--format", &export.format),
        ("--page-size", &export.page_size.map(|rows| rows.to_string())),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            add(name, value);
        }
    }
    for (option, of_option) in
        [("--metric-type", &export.metric_type), ("--attribute-type", &export.attribute_type)]
    {
        for (name, kind) in of_option {
            add(option, &format!("{name}={kind}"));
        }
    }
    for filter in &export.filter {
        add("--filter", filter);
    }
    for prompt in &export.prompt {
        add("--prompt", prompt);
    }
    if !export.columns.is_empty() {
        add("--columns", &export.columns.join(","));
    }
    for (name, yes) in [("--as-designed", export.as_designed), ("--subtotals", export.subtotals)] {
        if yes {
            all.push(name.to_owned());
        }
    }
    all
}

/// Runs it in a folder of its own. What the environment says is the server of the case.
pub(crate) async fn run(
    program: &Path,
    arguments: &[String],
    base_url: &str,
    folder: &Path,
) -> Result<Ran, String> {
    let mut command = Command::new(program);
    for name in VARIABLES {
        command.env_remove(name);
    }
    // with a URL of its own a command makes a profile
    let own = arguments.iter().any(|argument| argument.contains(base_url));
    command
        .args(arguments)
        .current_dir(folder)
        .env("MSTR_CONFIG_DIR", folder.join("config"))
        .env("MSTR_STATE_DIR", folder.join("state"))
        .env("MSTR_PROJECT", "Tutorial")
        .env("MSTR_USERNAME", "ann")
        .env("MSTR_PASSWORD", "secret")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if own {
        command.env_remove("MSTR_BASE_URL");
    } else {
        command.env("MSTR_BASE_URL", base_url);
    }
    let done = tokio::time::timeout(LIMIT, command.output()).await;
    let output = done
        .map_err(|_| format!("mstr was not done within {LIMIT:?}"))?
        .map_err(|error| format!("mstr cannot be run: {error}"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ran {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    })
}

/// The table that an export wrote.
pub(crate) fn table(
    ran: &Ran,
    export: &Export,
    folder: &Path,
    columns: &[String],
) -> Result<Table, String> {
    let read = |name: &String| std::fs::read_to_string(folder.join(name));
    let text = match &export.output {
        Some(name) => read(name).map_err(|error| format!("{name}: {error}"))?,
        None => ran.out.clone(),
    };
    match export.format.as_deref() {
        Some("jsonl") => Table::of_json_lines(&text, columns),
        _ => Table::of_csv(&text),
    }
}
