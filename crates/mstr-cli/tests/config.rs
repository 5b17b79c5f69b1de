//! The configuration file and what is kept: nothing is lost, replaced or needed without need.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::{fs, path::Path};

use mstr_sim::{DEFAULT_PASSWORD, DEFAULT_USER, Method};
use support::{Place, files, ran};

fn login(place: &Place, options: &[&str]) -> assert_cmd::Command {
    let url = place.server.base_url();
    place.command(&[&["login", url.as_str()][..], options].concat())
}

fn config(place: &Place) -> String {
    fs::read_to_string(place.path("config/config.toml")).unwrap()
}

#[test]
fn profiles_that_are_made_at_once_are_all_there() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let profile = format!("p{number}");
            let place = &place;
            scope.spawn(move || {
                ran(&mut login(place, &["--mode", "anonymous", "--profile", &profile])).ok();
            });
        }
    });
    assert_eq!(place.run(&["profiles"]).ok().lines().count(), 8);
    // and logins to one profile leave one session
    let before = place.sessions();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope
                .spawn(|| ran(&mut login(&place, &["--mode", "anonymous", "--profile", "x"])).ok());
        }
    });
    assert_eq!(place.sessions(), before + 1);
}

#[cfg(unix)]
#[test]
fn links_and_modes_of_the_file_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let place = Place::new();
    let (dotfile, link) = (place.path("dotfile.toml"), place.path("config/config.toml"));
    fs::create_dir(place.path("config")).unwrap();
    symlink("../dotfile.toml", &link).unwrap();
    // of a file that is not there yet, and of one that is
    for name in ["one", "two"] {
        ran(&mut login(&place, &["--mode", "anonymous", "--profile", name])).ok();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&dotfile).unwrap().contains(&format!("[profiles.{name}]")));
        fs::set_permissions(&dotfile, fs::Permissions::from_mode(0o640)).unwrap();
    }
    place.run(&["profiles", "use", "two"]).ok();
    assert_eq!(fs::metadata(&dotfile).unwrap().permissions().mode() & 0o777, 0o640);
    fs::set_permissions(&dotfile, fs::Permissions::from_mode(0o444)).unwrap();
    assert!(place.run(&["profiles", "use", "one"]).fails(1).contains("read-only"));
    assert!(fs::read_to_string(&dotfile).unwrap().contains("default = \"two\""));
}

#[test]
fn a_profile_works_from_every_folder() {
    let place = Place::new();
    fs::write(place.path("pw"), DEFAULT_PASSWORD).unwrap();
    ran(&mut login(&place, &["-u", DEFAULT_USER, "--secret-from", "file:pw"])).ok();
    assert!(config(&place).contains(&format!("file:{}", place.path("pw"))), "{}", config(&place));
    place.server.expire_all();
    let elsewhere = place.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    ran(place.command(&["whoami"]).current_dir(&elsewhere)).ok();
}

#[test]
fn empty_variables_count_as_not_set() {
    let place = Place::new();
    place.login();
    ran(place.command(&["whoami"]).env("MSTR_PROFILE", "").env("MSTR_PROJECT", "")).ok();
    ran(place.in_environment(&["whoami"]).env("MSTR_PROFILE", "").env("MSTR_PROJECT", "")).ok();
    assert!(place.run(&["whoami", "--profile", ""]).fails(2).contains("--profile is empty"));
}

#[test]
fn no_home_is_needed_where_nothing_is_kept() {
    let place = Place::new();
    let homeless = |mut command: assert_cmd::Command| {
        for name in ["MSTR_CONFIG_DIR", "MSTR_STATE_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        ran(command.env("HOME", ""))
    };
    homeless(place.in_environment(&["whoami"])).ok();
    homeless(place.command(&["completions", "bash"])).ok();
    homeless(place.command(&["man"])).ok();
    if cfg!(unix) {
        assert!(homeless(place.command(&["profiles"])).fails(1).contains("no home directory"));
    }
    assert_eq!(files(place.home.path()), []);
}

#[test]
fn a_session_that_cannot_be_saved_is_a_warning() {
    let place = Place::new();
    fs::write(place.path("pw"), DEFAULT_PASSWORD).unwrap();
    ran(&mut login(&place, &["-u", DEFAULT_USER, "--secret-from", "file:pw"])).ok();
    // nobody can write it, root neither
    let lock = place.path("state/sessions/.default.write");
    let _ = fs::remove_file(&lock);
    fs::create_dir_all(Path::new(&lock)).unwrap();
    let run = place.run(&["whoami"]);
    assert!(run.err.contains("warning: the session is not kept"), "{}", run.err);
    assert!(run.ok().starts_with(DEFAULT_USER));
    // nor where it must be logged in anew
    place.server.expire_all();
    let run = place.run(&["whoami"]);
    assert!(run.err.contains("warning: the session is not kept"), "{}", run.err);
    assert!(run.ok().starts_with(DEFAULT_USER));
}

#[test]
fn options_that_do_not_fit_the_mode_are_not_dropped() {
    let place = Place::new();
    ran(&mut login(&place, &["--mode", "anonymous"])).ok();
    fs::write(place.path("pw"), DEFAULT_PASSWORD).unwrap();
    let logins = place.server.count(Method::POST, "/auth/login");
    for (options, named) in [
        (&["--mode", "anonymous", "-u", "dave"][..], "--username"),
        (&["--mode", "api-key", "-u", "dave", "--secret-from", "file:pw"], "--username"),
        (&["--mode", "trusted", "-u", "dave", "--secret-from", "file:pw"], "--secret-from"),
        // of the profile
        (&["--secret-from", "file:pw"], "--secret-from"),
        (&["--secret-stdin"], "--secret-stdin"),
        (&["-u", "", "--secret-stdin"], "--username"),
    ] {
        let error = ran(&mut login(&place, options)).fails(2);
        assert!(error.contains(named), "{error}");
    }
    assert_eq!(place.server.count(Method::POST, "/auth/login"), logins);
    // a user is meant
    let user = ["-u", DEFAULT_USER, "--secret-from", "file:pw"];
    ran(&mut login(&place, &user)).ok();
    assert!(place.run(&["whoami"]).ok().starts_with(DEFAULT_USER));
    assert!(config(&place).contains("mode = \"standard\""), "{}", config(&place));
}

#[test]
fn what_commands_would_use_is_said() {
    let place = Place::new();
    let mut with_server = login(&place, &["--mode", "anonymous", "--profile", "one"]);
    let run = ran(with_server.env("MSTR_BASE_URL", place.server.base_url()));
    assert!(run.err.contains("MSTR_BASE_URL is set"), "{}", run.err);
    let text = config(&place).replace("default = \"one\"", "");
    fs::write(place.path("config/config.toml"), text).unwrap();
    assert!(place.run(&["whoami"]).fails(3).contains("there are: one"));
    // a profile that goes takes its session along
    place.run(&["profiles", "remove", "one"]).ok();
    assert_eq!(place.sessions(), 0);
}
