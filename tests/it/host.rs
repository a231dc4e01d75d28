//! Checks what `deploy/` has for a host with systemd: the unit, the command beside it, and the example of settings.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use clap::{CommandFactory, Parser};
use rejoin::config::Cli;

fn deployed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The values of a key in the unit.
fn of_the_unit(key: &str) -> Vec<String> {
    let unit = deployed("rejoin.service");
    let values = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned));
    values.collect()
}

#[test]
fn rejoinctl_runs_a_command_as_the_unit_runs_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("systemd-run");
    fs::write(&fake, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rejoinctl"))
        .args(["restore", "a file", "--replace"])
        .env("PATH", folder.path())
        .output()
        .expect("it runs");
    let output = String::from_utf8(output.stdout).unwrap();
    let words: Vec<_> = output.lines().collect();
    let [program] = &of_the_unit("ExecStart")[..] else { panic!("one program") };
    assert!(words.ends_with(&[program.as_str(), "restore", "a file", "--replace"]), "{words:?}");
    let told: BTreeSet<_> = words.iter().filter_map(|word| word.strip_prefix("--property=")).collect();
    let keys = ["User", "Group", "UMask", "Environment", "EnvironmentFile"];
    let known: Vec<_> =
        keys.iter().flat_map(|key| of_the_unit(key).into_iter().map(move |value| format!("{key}={value}"))).collect();
    assert_eq!(known.len(), 6, "{known:?}");
    assert_eq!(told, known.iter().map(String::as_str).collect(), "the unit and rejoinctl differ");
    assert!(["--wait", "--pipe", "--pty"].iter().all(|option| words.contains(option)), "{words:?}");
}

#[test]
fn the_unit_is_started_again_without_end() {
    let unit = deployed("rejoin.service");
    let (of_units, service) = unit.split_once("[Service]").expect("it is a service");
    let has = |section: &str, line: &str| section.lines().any(|it| it == line);
    assert!(has(service, "Restart=always") && has(service, "RestartSec=1s"));
    // In another section systemd ignores it.
    assert!(has(of_units, "StartLimitIntervalSec=0"), "systemd gives up after five starts within 10 s");
}

#[test]
fn the_unit_can_write_to_the_folders_that_it_names() {
    let writable = of_the_unit("StateDirectory").join(" ");
    let mut named: Vec<_> = of_the_unit("Environment")
        .iter()
        .map(|line| line.split_once("=/var/lib/").expect("a folder below /var/lib").1.to_owned())
        .collect();
    named.sort();
    assert_eq!(named.join(" "), writable, "everything else is read-only");
}

#[test]
fn a_step_of_installing_that_is_run_again_keeps_settings_and_keys() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/install.md")).expect("it is there");
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("it ends"));
    let writes = ["rejoin.env.example", "openssl rand", ">>", "> compose.override.yaml"];
    let lines: Vec<_> =
        blocks.flat_map(str::lines).filter(|line| writes.iter().any(|words| line.contains(words))).collect();
    assert!(lines.len() >= 8, "they were not found: {lines:?}");
    for line in lines {
        assert!(line.starts_with("[ -e ") || line.starts_with("grep -q ^"), "{line}");
    }
}

#[test]
fn the_example_of_settings_has_real_ones_that_go_together() {
    let command = Cli::command();
    let flag = |name: &str| {
        let has = |argument: &&clap::Arg| argument.get_env().is_some_and(|env| env == name);
        let long = command.get_arguments().find(has).and_then(clap::Arg::get_long);
        long.unwrap_or_else(|| panic!("{name} is no setting")).to_owned()
    };
    let example = deployed("etc/rejoin.env.example");
    let lines = example.lines().filter(|line| !line.is_empty() && !line.starts_with("# ") && *line != "#");
    let settings: Vec<_> = lines.map(|line| line.strip_prefix('#').unwrap_or(line).split_once('=')).collect();
    assert!(settings.len() > 5, "the settings were not found");
    let words = settings.into_iter().map(|setting| {
        let (name, value) = setting.expect("a line is NAME=value");
        format!("--{}={value}", flag(name))
    });
    let place = of_the_unit("Environment").into_iter().map(|line| {
        let (name, value) = line.split_once('=').expect("a variable");
        format!("--{}={value}", flag(name))
    });
    let cli = Cli::try_parse_from(std::iter::once("rejoin".to_owned()).chain(words).chain(place));
    cli.expect("good values").serve.check().expect("they go together");
}
