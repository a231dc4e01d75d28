//! `rejoin quizzes …`: checks, imports and exports bank files, and prints their schema. Findings are printed
//! one per line.
//!
//! A file is written completely or not at all.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use super::bank::{self, BankFile, PlayMode};
use super::catalogue;
use super::check::check_file;
use super::import::export::{self, ExportFormat, Exported};
use super::import::{self, Format, Source, counted, import};
use super::preview::preview;
use super::reading;
use crate::domain::QuizId;
use crate::domain::quiz::draft::DraftProblem;

/// The commands of `quizzes`.
#[derive(Debug, Subcommand)]
pub enum QuizzesCommand {
    /// Check bank files, or files to import, and print what is wrong and where
    ///
    /// The exit code is 1 if there are errors.
    Check {
        /// The files to check
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Show the first three questions of each file as players see them
        #[arg(long)]
        preview: bool,
    },
    /// Make a bank from a file in another format
    ///
    /// What can't be imported is left out and reported. The exit code is 0 if everything was imported, 3 if only a
    /// part, 1 if nothing.
    Import(ImportArgs),
    /// Write a bank as a table, as GIFT, or as a bank file
    ///
    /// The exit code is 3 if something could not be written.
    Export(ExportArgs),
    /// Print the JSON Schema of bank files
    Schema,
}

/// The options of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The format of the file [default: recognised by its content]
    #[arg(long, value_enum)]
    from: Option<Format>,
    /// The file to import
    file: PathBuf,
    /// Where to write the bank [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long, requires = "out")]
    force: bool,
    /// Write nothing if anything can't be imported
    #[arg(long)]
    strict: bool,
    /// Show the first three questions as players see them, and write nothing
    #[arg(long, conflicts_with = "out")]
    preview: bool,
    /// The quizId of the bank [default: the file's name]
    #[arg(long, value_name = "ID")]
    quiz_id: Option<QuizId>,
    /// The title that people see [default: the file's name]
    #[arg(long)]
    title: Option<String>,
    /// What the bank is about
    #[arg(long)]
    description: Option<String>,
    /// The licence of the questions, and whom to credit [default: that of the source if the format has only one
    /// source, else none]
    #[arg(long)]
    license: Option<String>,
    /// How the bank may be played: solo, rooms, or solo,rooms [default: rooms]
    ///
    /// A solo game tells the right answers, so a player could use it to cheat in a room with the same bank.
    #[arg(long, value_enum, value_delimiter = ',')]
    play: Vec<PlayMode>,
}

/// The options of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The format to write
    #[arg(long, value_enum)]
    to: ExportFormat,
    /// The bank: its file, a file that can be imported, or the name of a bank that ships with rejoin
    bank: PathBuf,
    /// The separator of the cells of a table. Spreadsheets of many countries expect a semicolon
    #[arg(long, value_enum, default_value = "comma")]
    separator: TableSeparator,
    /// Where to write the result [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the output file if it exists
    #[arg(long, requires = "out")]
    force: bool,
}

/// The separator of the cells of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TableSeparator {
    Comma,
    Semicolon,
    Tab,
}

/// The error if the output can't be written.
const UNWRITTEN: &str = "cannot write";

/// How much of the request was done; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ImportedShare {
    All,
    Some,
    Nothing,
}

impl From<ImportedShare> for ExitCode {
    fn from(done: ImportedShare) -> Self {
        match done {
            ImportedShare::All => Self::SUCCESS,
            ImportedShare::Some => Self::from(3),
            ImportedShare::Nothing => Self::FAILURE,
        }
    }
}

/// Runs a command, which prints to `out`. Returns its exit code: 0 if everything was done, 3 if only a part, 1 if
/// nothing.
///
/// # Errors
/// A file cannot be read or written.
pub fn run(command: QuizzesCommand, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let err = &mut io::stderr().lock();
    let done = match command {
        QuizzesCommand::Check { files, preview } => {
            if check(&files, preview, out).context(UNWRITTEN)? {
                ImportedShare::All
            } else {
                ImportedShare::Nothing
            }
        }
        QuizzesCommand::Import(args) => import_file(args, out, err)?,
        QuizzesCommand::Export(args) => export_file(args, out, err)?,
        QuizzesCommand::Schema => {
            print_json(&bank::schema(), out).context(UNWRITTEN)?;
            ImportedShare::All
        }
    };
    Ok(done.into())
}

fn check(files: &[PathBuf], shows: bool, out: &mut dyn Write) -> io::Result<bool> {
    let (mut errors, mut warnings, mut questions) = (0, 0, 0);
    let mut names = HashMap::new();
    for file in files {
        let mut findings = check_file(file);
        let place = findings.quiz_id.take().map(|name| (file.parent(), name));
        if let Some(other) = place.and_then(|place| names.insert(place, file)).filter(|other| *other != file) {
            let message = format!("the same as that of {}: one folder cannot hold both", other.display());
            findings.errors.push(DraftProblem::new("quizId", message));
        }
        for problem in &findings.errors {
            writeln!(out, "{}: {problem}", file.display())?;
        }
        for problem in &findings.warnings {
            writeln!(out, "{}: {}: warning: {}", file.display(), problem.path, problem.message)?;
        }
        if let Some(summary) = &findings.understood {
            writeln!(out, "{}: {summary}", file.display())?;
        }
        if shows {
            write!(out, "{}", preview(&findings.questions))?;
        }
        errors += findings.errors.len();
        warnings += findings.warnings.len();
        questions += findings.questions.len();
    }
    let (files, questions) = (counted(files.len(), "file"), counted(questions, "question"));
    writeln!(out, "{files}, {questions}: {}, {}", counted(errors, "error"), counted(warnings, "warning"))?;
    Ok(errors == 0)
}

/// Refuses an existing target, unless it is a regular file and `replace` is set. This only reports early:
/// [`write_whole`] checks again when the file is moved into place.
fn check_target(target: Option<&PathBuf>, replace: bool) -> anyhow::Result<()> {
    let Some(target) = target.filter(|target| target.exists()) else { return Ok(()) };
    if !replace {
        bail!("{} is already there; --force replaces it", target.display());
    }
    if !target.is_file() {
        bail!("{} is no file that could be replaced", target.display());
    }
    Ok(())
}

fn import_file(args: ImportArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<ImportedShare> {
    let shown = args.file.display();
    check_target(args.out.as_ref(), args.force)?;
    let bytes = read(&args.file)?;
    let name = args.file.file_name().map(|name| name.to_string_lossy());
    let imported = import(Source { name: name.as_deref(), format: args.from, bytes: &bytes }, options(&args)?);
    // Errors on standard error are ignored: if it is closed, there is nobody to report to.
    for DraftProblem { path, message } in &imported.left_out {
        let _ = writeln!(err, "{shown}: {path}: left out: {message}");
    }
    for DraftProblem { path, message } in &imported.warnings {
        let _ = writeln!(err, "{shown}: {path}: warning: {message}");
    }
    let is_refused = args.strict && !imported.left_out.is_empty();
    let ending = match &imported.file {
        None => ": nothing imported",
        Some(_) if is_refused => ": nothing imported (--strict)",
        Some(_) => "",
    };
    let _ = writeln!(err, "{shown}: {}{ending}", imported.summary());
    let Some(mut file) = imported.file.filter(|_| !is_refused) else { return Ok(ImportedShare::Nothing) };
    overrule(&mut file, &args);
    let file = &file;
    match &args.out {
        Some(target) => {
            let written = write_whole(target, args.force, |aside| print_json(file, aside));
            written.with_context(|| format!("cannot write {}", target.display()))?;
        }
        None if args.preview => write!(out, "{}", preview(&file.questions)).context(UNWRITTEN)?,
        None => print_json(file, out).context(UNWRITTEN)?,
    }
    Ok(if imported.left_out.is_empty() { ImportedShare::All } else { ImportedShare::Some })
}

/// Applies the command line's options, which take precedence over what the file says. Only a bank's own file
/// says any of this itself.
fn overrule(file: &mut BankFile, args: &ImportArgs) {
    let ImportArgs { quiz_id, title, description, license, play, .. } = args;
    if let Some(quiz_id) = quiz_id {
        file.quiz_id = quiz_id.clone();
    }
    if let Some(title) = title {
        file.title.clone_from(title);
    }
    if description.is_some() {
        file.description.clone_from(description);
    }
    if license.is_some() {
        file.license.clone_from(license);
    }
    if !play.is_empty() {
        file.play = Some(play.iter().copied().collect());
    }
}

fn options(args: &ImportArgs) -> anyhow::Result<import::ImportOptions> {
    match &args.quiz_id {
        Some(id) => Ok(import::ImportOptions::new(id.clone(), &args.file)),
        None => import::ImportOptions::named_after(&args.file).map_err(|problem| anyhow!(problem.message)),
    }
}

fn export_file(args: ExportArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<ImportedShare> {
    check_target(args.out.as_ref(), args.force)?;
    let shown = args.bank.display();
    let (file, is_whole) = bank_of(&args.bank, err)?;
    let exported = match args.to {
        ExportFormat::Json => {
            let mut text = serde_json::to_string_pretty(&file)?;
            text.push('\n');
            Exported { text, ..Exported::default() }
        }
        ExportFormat::Gift => export::gift(&file),
        ExportFormat::Csv => export::csv(
            &file,
            match args.separator {
                TableSeparator::Comma => b',',
                TableSeparator::Semicolon => b';',
                TableSeparator::Tab => b'\t',
            },
        )?,
    };
    for DraftProblem { path, message } in &exported.lost {
        let _ = writeln!(err, "{shown}: {path}: {message}");
    }
    if !exported.of_bank.is_empty() {
        let _ = writeln!(err, "{shown}: questions alone are written, without {}", exported.of_bank.join(", "));
    }
    match &args.out {
        Some(target) => {
            let written = write_whole(target, args.force, |aside| aside.write_all(exported.text.as_bytes()));
            written.with_context(|| format!("cannot write {}", target.display()))?;
        }
        None => out.write_all(exported.text.as_bytes()).context(UNWRITTEN)?,
    }
    Ok(if is_whole && exported.lost.is_empty() { ImportedShare::All } else { ImportedShare::Some })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    reading::file(path).map_err(|problem| anyhow!("cannot read {}: {}", path.display(), problem.message))
}

/// Reads a bank from a file, or an embedded bank of that name. The flag is true if nothing was left out.
fn bank_of(bank: &Path, err: &mut dyn Write) -> anyhow::Result<(BankFile, bool)> {
    let shown = bank.display();
    let bytes = match read(bank) {
        Ok(bytes) => Cow::Owned(bytes),
        Err(error) => {
            let embedded = bank.to_str().and_then(catalogue::embedded_file);
            Cow::Borrowed(embedded.ok_or(error)?)
        }
    };
    let name = bank.file_name().map(|name| name.to_string_lossy());
    let options = import::ImportOptions::named_after(bank).map_err(|problem| anyhow!(problem.message))?;
    let imported = import(Source { name: name.as_deref(), format: None, bytes: &bytes }, options);
    for DraftProblem { path, message } in &imported.left_out {
        let _ = writeln!(err, "{shown}: {path}: left out: {message}");
    }
    let file = imported.file.with_context(|| format!("{shown} holds no bank"))?;
    Ok((file, imported.left_out.is_empty()))
}

fn print_json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    out.flush()
}

/// Writes to a temporary file in the same directory and renames it, so that no reader, such as a server
/// during a reload, sees half a file.
fn write_whole(
    target: &Path,
    replace: bool,
    write: impl FnOnce(&mut std::fs::File) -> io::Result<()>,
) -> io::Result<()> {
    // A symbolic link stays, and the file it points to is replaced. The rename needs the real path.
    let resolved = target.canonicalize();
    let target = resolved.as_deref().unwrap_or(target);
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The mode of a normal new file, minus the umask. The default mode of a temporary file (0600) would
        // keep the server from reading it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut aside = builder.tempfile_in(directory)?;
    write(aside.as_file_mut())?;
    // The content must be on disk before the rename, or a crash could leave an empty file under the final name.
    aside.as_file().sync_all()?;
    // The directory is not synced. After a crash the old file may be back, but never half of the new one.
    if replace {
        aside.persist(target)?
    } else {
        // Fails if another process created the file since `check_target`.
        aside.persist_noclobber(target)?
    };
    Ok(())
}

#[cfg(test)]
mod tests;
