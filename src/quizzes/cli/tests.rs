use std::fs;

use clap::Parser;
use tempfile::TempDir;

use super::super::bank::{Bank, tests::bank_file};
use super::*;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: QuizzesCommand,
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    for (name, text) in files {
        fs::write(directory.path().join(name), text).expect("it can be written");
    }
    directory
}

/// The result of the import, and what it wrote to standard output and standard error.
fn import_in(directory: &TempDir, line: &str) -> (anyhow::Result<ImportedShare>, String, String) {
    let here = format!("{}/", directory.path().display());
    let line = line.replace('@', &here);
    let cli = Cli::try_parse_from(["quizzes", "import"].into_iter().chain(line.split(' '))).expect("arguments");
    let QuizzesCommand::Import(args) = cli.command else { unreachable!("an import was asked for") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let ended = import_file(args, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("it says text").replace(&here, "@");
    (ended, text(out), text(err))
}

const AIKEN: &str = "Which?\nA. x\nB. y\nANSWER: B\n";

#[test]
fn an_import_writes_a_bank_named_after_the_file() {
    let directory = directory(&[("Sea & Sky.txt", AIKEN), ("b.txt", AIKEN)]);
    fs::rename(directory.path().join("Sea & Sky.txt"), directory.path().join("Sea_&_Sky.txt")).expect("renamed");
    let (ended, out, err) = import_in(&directory, "--from aiken @Sea_&_Sky.txt");
    assert_eq!(ended.expect("nothing is wrong"), ImportedShare::All);
    assert_eq!(err, "@Sea_&_Sky.txt: Aiken, UTF-8, 1 question, 0 left out\n");
    let bank = Bank::parse(out.as_bytes()).expect("a valid bank");
    assert_eq!((bank.id.as_str(), bank.title.as_str()), ("sea-sky", "Sea_&_Sky"));
    assert!(!bank.is_for(PlayMode::Solo));

    let (ended, out, _) = import_in(&directory, "--from aiken @b.txt --out @b.json --play solo,rooms --quiz-id x");
    assert!(ended.expect("nothing is wrong") == ImportedShare::All && out.is_empty());
    let bank = Bank::parse(&fs::read(directory.path().join("b.json")).expect("written")).expect("a valid bank");
    assert!(bank.id.as_str() == "x" && bank.is_for(PlayMode::Solo));
    assert_eq!(fs::read_dir(directory.path()).expect("there").count(), 3, "nothing is left aside");
}

#[test]
fn a_file_that_is_there_is_replaced_only_if_told_so() {
    let directory = directory(&[("a.txt", AIKEN), ("a.json", "mine")]);
    let (ended, ..) = import_in(&directory, "--from aiken @a.txt --out @a.json");
    assert!(ended.expect_err("it is there").to_string().ends_with("a.json is already there; --force replaces it"));
    let kept = fs::read_to_string(directory.path().join("a.json")).expect("there");
    assert_eq!(kept, "mine");
    let (ended, ..) = import_in(&directory, "--from aiken @a.txt --out @a.json --force");
    assert_eq!(ended.expect("nothing is wrong"), ImportedShare::All);
}

#[cfg(unix)]
#[test]
fn the_server_may_read_what_was_written() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory(&[("a.txt", AIKEN)]);
    import_in(&directory, "--from aiken @a.txt --out @a.json").0.expect("nothing is wrong");
    let mode = |file| fs::metadata(directory.path().join(file)).expect("there").permissions().mode();
    assert_eq!(mode("a.json"), mode("a.txt"));
}

#[test]
fn an_import_that_fails_writes_nothing_and_says_where() {
    let directory = directory(&[("a.txt", "Which?\nANSWER: B\n"), ("---.txt", AIKEN)]);
    let (ended, _, err) = import_in(&directory, "--from aiken @a.txt --out @a.json");
    assert_eq!(ended.expect("it ran"), ImportedShare::Nothing);
    assert!(err.starts_with("@a.txt: line 2: left out: "), "{err}");
    assert!(err.ends_with("@a.txt: Aiken, UTF-8, 0 questions, 1 left out: nothing imported\n"), "{err}");
    assert!(!directory.path().join("a.json").exists());
    let (ended, ..) = import_in(&directory, "--from aiken @---.txt");
    assert_eq!(ended.expect_err("no name").to_string(), "\"---\" gives no name for a bank: say --quiz-id");
    let (ended, ..) = import_in(&directory, "--from aiken @gone.txt");
    assert!(ended.expect_err("no file").to_string().starts_with("cannot read "));
}

#[test]
fn what_cannot_be_imported_is_left_out_unless_that_is_refused() {
    let text = format!("{AIKEN}\nWhy?\nA. x\nANSWER: B\n");
    let directory = directory(&[("a.txt", &text)]);
    let (ended, _, err) = import_in(&directory, "@a.txt --out @a.json");
    assert_eq!(ended.expect("it ran"), ImportedShare::Some);
    assert!(err.ends_with("Aiken, UTF-8, 1 question, 1 left out\n"), "{err}");
    let (ended, _, err) = import_in(&directory, "@a.txt --out @b.json --strict");
    assert_eq!(ended.expect("it ran"), ImportedShare::Nothing);
    assert!(err.ends_with("1 left out: nothing imported (--strict)\n"), "{err}");
    assert!(!directory.path().join("b.json").exists());
    let (_, out, _) = import_in(&directory, "@a.txt --preview");
    assert_eq!(out, "1. Which?\n   A  x\n   B  y\n   right: y\n\n");
}

#[test]
fn a_bank_is_exported_and_imported_again() {
    let directory = directory(&[("a.txt", AIKEN)]);
    let export = |line: &str| {
        let line = line.replace('@', &format!("{}/", directory.path().display()));
        let cli = Cli::try_parse_from(["quizzes", "export"].into_iter().chain(line.split(' '))).expect("arguments");
        let QuizzesCommand::Export(args) = cli.command else { unreachable!("an export was asked for") };
        let mut out = Vec::new();
        let done = export_file(args, &mut out, &mut Vec::new()).expect("nothing is wrong");
        (done, String::from_utf8(out).expect("text"))
    };
    let (done, table) = export("--to csv --separator semicolon @a.txt");
    assert!(done == ImportedShare::All && table.contains("choice;Which?;x;y;2;"), "{table}");
    assert_eq!(export("--to csv @a.txt --out @b.csv").0, ImportedShare::All);
    assert_eq!(import_in(&directory, "@b.csv --out @b.json").0.expect("it ran"), ImportedShare::All);
    assert!(export("--to gift space").1.contains("$CATEGORY"), "a bank that the program brings");
}

#[test]
fn a_check_names_file_path_and_what_is_wrong() {
    let mut broken = bank_file("b", 1);
    broken["title"] = serde_json::json!("");
    let directory = directory(&[("a.json", &bank_file("a", 2).to_string()), ("b.json", &broken.to_string())]);
    let files = ["a.json", "b.json"].map(|file| directory.path().join(file));
    let mut out = Vec::new();
    let good = check(&files, false, &mut out).expect("it can be written");
    let here = format!("{}/", directory.path().display());
    assert!(!good);
    assert_eq!(
        String::from_utf8(out).expect("text").replace(&here, "@"),
        "@a.json: questions: warning: 2 of 2 have no explanation\n\
         @b.json: title: empty\n\
         2 files, 2 questions: 1 error, 1 warning\n"
    );
}
