//! The docs' list of settings, held against the program's own.

use clap::CommandFactory;
use rejoin::config::Cli;

/// A setting: environment name, flag, and its default as the program writes it.
type Setting = (Option<String>, String, Option<String>);

/// The program's settings, in the order of `--help`.
fn of_the_program() -> Vec<Setting> {
    let command = Cli::command();
    let is_setting = |id: &str| !["help", "version"].contains(&id);
    let shown =
        command.get_arguments().filter(|argument| !argument.is_hide_set() && is_setting(argument.get_id().as_str()));
    shown
        .map(|argument| {
            let env = argument.get_env().map(|name| name.to_string_lossy().into_owned());
            let default = argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned());
            (env, argument.get_long().expect("each has a flag").to_owned(), default)
        })
        .collect()
}

/// The rows of the docs' table of settings.
fn of_the_docs() -> Vec<Setting> {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).expect("it is there");
    let code = |cell: &str| cell.trim().strip_prefix('`')?.split_once('`').map(|(code, _)| code.to_owned());
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').collect();
        let flag = code(cells.get(2)?)?.strip_prefix("--")?.to_owned();
        Some((code(cells[1]), flag, code(cells.get(3)?)))
    });
    rows.collect()
}

#[test]
fn the_docs_list_every_setting_with_its_default() {
    let (program, docs) = (of_the_program(), of_the_docs());
    let names =
        |settings: &[Setting]| settings.iter().map(|(env, flag, _)| (env.clone(), flag.clone())).collect::<Vec<_>>();
    assert_eq!(names(&docs), names(&program));
    for ((_, flag, told), (.., default)) in docs.iter().zip(&program) {
        // A default that depends on the machine or on other settings is told in words.
        if default.is_some() {
            assert_eq!(told, default, "--{flag}");
        }
    }
}
