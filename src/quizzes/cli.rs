//! `rejoin quizzes …`: checks, imports and describes bank files. Findings go to whoever typed it,
//! a line each; a file is written whole or not at all.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::bank::{self, BankFile, Play};
use super::check::check_file;
use super::import::{self, Format, import};
use crate::domain::QuizId;
use crate::domain::quiz::draft::Problem;

/// What can be done with question banks.
#[derive(Debug, Subcommand)]
pub enum QuizzesCommand {
    /// Say what is wrong with bank files, and where
    Check {
        /// The banks
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Make a bank of a file in another format
    Import(ImportArgs),
    /// Print the JSON Schema of a bank's file
    Schema,
}

/// What an import is told.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file's format
    #[arg(long, value_enum)]
    from: Format,
    /// The file to read
    file: PathBuf,
    /// Where to write the bank [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a file that is already there
    #[arg(long, requires = "out")]
    force: bool,
    /// The bank's name [default: the file's name]
    #[arg(long, value_name = "ID")]
    quiz_id: Option<QuizId>,
    /// What people see [default: the file's name]
    #[arg(long)]
    title: Option<String>,
    /// What the bank is about
    #[arg(long)]
    description: Option<String>,
    /// The licence of the questions, and whom to name [default: none, or that of the one source
    /// that the format has]
    #[arg(long)]
    license: Option<String>,
    /// How the bank may be played: `solo`, `rooms`, or `solo,rooms`. Rooms only if left out, because
    /// a solo game tells what is right, and whoever plays one beside a room of the same bank knows
    /// its answers
    #[arg(long, value_enum, value_delimiter = ',')]
    play: Vec<Play>,
}

/// Runs a command and says how it ended: 1 if it found errors.
///
/// # Errors
/// A file cannot be read or written.
pub fn run(command: QuizzesCommand) -> anyhow::Result<ExitCode> {
    let (out, err) = (&mut io::stdout().lock(), &mut io::stderr().lock());
    let good = match command {
        QuizzesCommand::Check { files } => unless_closed(check(&files, out))?.unwrap_or(true),
        QuizzesCommand::Import(args) => import_file(args, out, err)?,
        QuizzesCommand::Schema => unless_closed(print_json(&bank::schema(), out)).map(|_| true)?,
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A reader that has seen enough (`| head`) is no fault.
fn unless_closed<T>(written: io::Result<T>) -> anyhow::Result<Option<T>> {
    match written {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        Err(error) => Err(error).context("cannot write"),
    }
}

fn check(files: &[PathBuf], out: &mut dyn Write) -> io::Result<bool> {
    let (mut errors, mut warnings, mut questions) = (0, 0, 0);
    let mut names = HashMap::new();
    for file in files {
        let mut findings = check_file(file);
        if let Some(other) =
            findings.quiz_id.take().and_then(|name| names.insert(name, file)).filter(|other| *other != file)
        {
            let message = format!("the same as that of {}: one folder cannot hold both", other.display());
            findings.errors.push(Problem::new("quizId", message));
        }
        for problem in &findings.errors {
            writeln!(out, "{}: {problem}", file.display())?;
        }
        for problem in &findings.warnings {
            writeln!(out, "{}: {}: warning: {}", file.display(), problem.path, problem.message)?;
        }
        errors += findings.errors.len();
        warnings += findings.warnings.len();
        questions += findings.questions;
    }
    let (files, questions) = (counted(files.len(), "file"), counted(questions, "question"));
    writeln!(out, "{files}, {questions}: {}, {}", counted(errors, "error"), counted(warnings, "warning"))?;
    Ok(errors == 0)
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn import_file(args: ImportArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<bool> {
    let shown = args.file.display();
    if let Some(target) = args.out.as_ref().filter(|target| !args.force && target.exists()) {
        bail!("{} is already there; --force replaces it", target.display());
    }
    if let Some(target) = args.out.as_ref().filter(|target| target.exists() && !target.is_file()) {
        bail!("{} is no file that could be replaced", target.display());
    }
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {shown}"))?;
    let mut tell = |problems: &[Problem], kind: &str| {
        for problem in problems {
            // A closed standard error is nobody's fault, and nobody reads it.
            let _ = writeln!(err, "{shown}: {}: {kind}{}", problem.path, problem.message);
        }
    };
    let imported = match import(args.from, &bytes, options(&args)?) {
        Ok(imported) => imported,
        Err(problems) => {
            tell(&problems, "");
            let _ = writeln!(err, "{}: nothing imported", counted(problems.len(), "problem"));
            return Ok(false);
        }
    };
    tell(&imported.warnings, "warning: ");
    match &args.out {
        Some(target) => {
            write_whole(&imported.file, target, args.force)
                .with_context(|| format!("cannot write {}", target.display()))?;
        }
        None => _ = unless_closed(print_json(&imported.file, out))?,
    }
    let (questions, warnings) = (imported.file.questions.len(), imported.warnings.len());
    let _ = writeln!(err, "{} imported, {}", counted(questions, "question"), counted(warnings, "warning"));
    Ok(true)
}

fn options(args: &ImportArgs) -> anyhow::Result<import::Options> {
    let stem = args.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let quiz_id = match &args.quiz_id {
        Some(id) => id.clone(),
        None => slug(&stem).with_context(|| format!("{stem:?} gives no name for a bank: say --quiz-id"))?,
    };
    let play: BTreeSet<Play> = args.play.iter().copied().collect();
    Ok(import::Options {
        quiz_id,
        title: args.title.clone().unwrap_or(stem),
        description: args.description.clone(),
        license: args.license.clone(),
        play: (!play.is_empty()).then_some(play),
    })
}

/// A bank's name out of a file's: `Sea & Sky (1)` is `sea-sky-1`.
fn slug(text: &str) -> Option<QuizId> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-");
    let end = joined.len().min(64);
    joined[..end].trim_end_matches('-').parse().ok()
}

fn print_json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// Writes aside and renames, so that nobody, a reloading server least of all, meets half a file.
fn write_whole(file: &BankFile, target: &Path, replace: bool) -> io::Result<()> {
    // A link stays, and what it names is replaced.
    let resolved = target.canonicalize();
    let target = resolved.as_deref().unwrap_or(target);
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What any new file gets, less the umask; a temporary file's own would shut the server out.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut aside = builder.tempfile_in(directory)?;
    print_json(file, aside.as_file_mut())?;
    aside.as_file().sync_all()?;
    if replace {
        aside.persist(target)?
    } else {
        aside.persist_noclobber(target)?
    };
    Ok(())
}

#[cfg(test)]
mod tests {
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

    /// Whether it ended well, and what it said on standard output and error.
    fn import_in(directory: &TempDir, line: &str) -> (anyhow::Result<bool>, String, String) {
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
        assert!(ended.expect("nothing is wrong"));
        assert_eq!(err, "1 question imported, 0 warnings\n");
        let bank = Bank::parse(out.as_bytes()).expect("a valid bank");
        assert_eq!((bank.id.as_str(), bank.title.as_str()), ("sea-sky", "Sea_&_Sky"));
        assert!(!bank.is_for(Play::Solo));

        let (ended, out, _) = import_in(&directory, "--from aiken @b.txt --out @b.json --play solo,rooms --quiz-id x");
        assert!(ended.expect("nothing is wrong") && out.is_empty());
        let bank = Bank::parse(&fs::read(directory.path().join("b.json")).expect("written")).expect("a valid bank");
        assert!(bank.id.as_str() == "x" && bank.is_for(Play::Solo));
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
        assert!(ended.expect("nothing is wrong"));
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
        assert!(!ended.expect("it ran"));
        assert_eq!(err, "@a.txt: line 2: an ANSWER line without options before it\n1 problem: nothing imported\n");
        assert!(!directory.path().join("a.json").exists());
        let (ended, ..) = import_in(&directory, "--from aiken @---.txt");
        assert_eq!(ended.expect_err("no name").to_string(), "\"---\" gives no name for a bank: say --quiz-id");
        let (ended, ..) = import_in(&directory, "--from aiken @gone.txt");
        assert!(ended.expect_err("no file").to_string().starts_with("cannot read "));
    }

    #[test]
    fn a_check_names_file_path_and_what_is_wrong() {
        let mut broken = bank_file("b", 1);
        broken["title"] = serde_json::json!("");
        let directory = directory(&[("a.json", &bank_file("a", 2).to_string()), ("b.json", &broken.to_string())]);
        let files = ["a.json", "b.json"].map(|file| directory.path().join(file));
        let mut out = Vec::new();
        let good = check(&files, &mut out).expect("it can be written");
        let here = format!("{}/", directory.path().display());
        assert!(!good);
        assert_eq!(
            String::from_utf8(out).expect("text").replace(&here, "@"),
            "@a.json: questions: warning: 2 of 2 have no explanation\n\
             @b.json: title: empty\n\
             2 files, 2 questions: 1 error, 1 warning\n"
        );
    }
}
