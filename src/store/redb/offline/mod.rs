//! Work on a file that no server uses: checking, repairing, compacting and restoring it, and backing it up.
//!
//! Invariant: the file is only read. A new file is written beside it, and takes its name when it is complete, so
//! that there is one of them at every moment. The old file is kept under another name until somebody removes it,
//! except after compacting, which loses nothing.

mod aside;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::backup::prove_and_name;
use super::file::{Identity, OpenError, companion, folder_of, lock, log_path, sync_folder, take_owner};
use super::file_note;
use super::inspection::{BackupMark, FileReport, InspectedFile};
use super::meta::{Meta, UNUSED};
use super::new_file::{NewFile, remove_unfinished};
use super::open::random;
use super::rewrite::rewrite;
use crate::domain::WallTime;
use crate::store::backup::{BackupError, BackupReport, CopyControl, UNFINISHED};
use aside::AsideFile;

/// Why a file could not be worked on. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The file can't be opened, or a server has it open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new file can't be written.
    #[error(transparent)]
    Write(#[from] BackupError),
    /// The file is damaged, or something of it is missing.
    #[error("{0}")]
    NotWhole(String),
    /// There is a file already, and nobody said that it may be replaced.
    #[error("{} exists already; --replace keeps it under another name and puts the backup in its place", .0.display())]
    Exists(PathBuf),
}

/// Inspects the file at `path`, and changes nothing. `at_game` is called after each game.
///
/// # Errors
/// The file can't be opened, a server has it open, or no commit can be found in it.
pub fn check_file(path: &Path, at_game: impl FnMut()) -> Result<FileReport, OpenError> {
    Ok(FileReport::of(&InspectedFile::open(path, false)?, at_game))
}

/// What a repair has done.
#[derive(Debug)]
pub struct Repaired {
    /// What was wrong before.
    pub report: FileReport,
    /// Where the file is now that was damaged.
    pub kept: PathBuf,
    /// Where the rows of damaged games and pages are; `None` if there are none.
    pub aside: Option<PathBuf>,
}

/// Writes everything that can be read to a new file in place of the one at `path`. What is damaged goes to a file
/// of its own, and the old file is kept. `stamp` makes their names. `None` if nothing was wrong.
///
/// # Errors
/// As for [`check_file`], or the new file can't be written.
pub fn repair_file(path: &Path, stamp: &str, control: &CopyControl) -> Result<Option<Repaired>, OfflineError> {
    let file = InspectedFile::open(path, true)?;
    if !file.has_its_tables() {
        // The new file would have none of the games that are still in the old one.
        let what = format!(
            "{0} has a damaged list of tables, so nothing proves which state of the games is the newest: a repair would \
             lose all. Restore a backup, or save what can be read, though perhaps in an older state: rejoin migrate \
             --from redb:{0} --to redb:NEW-FOLDER",
            path.display()
        );
        return Err(OfflineError::NotWhole(what));
    }
    let mut new = NewFile::beside(path, control)?;
    let mut aside = AsideFile::beside(path)?;
    let (report, latest) = rewrite(&file, &mut new, &mut |game, why| aside.game(game, why))?;
    if report.is_whole() {
        return Ok(None);
    }
    for page in file.damaged_pages() {
        aside.page(&file, &page)?;
    }
    let meta = file.meta_or(latest);
    // Something may be missing that a client has seen: it must not be told that it missed nothing.
    new.close(&Meta { random: random()?, identity: Some(UNUSED), clean: true, ..meta })?;
    let aside = aside.name(&companion(path, &format!("damaged-{stamp}.jsonl")))?;
    for made in [Some(new.path()), aside.as_deref()].into_iter().flatten() {
        take_owner(made, path).map_err(|cause| BackupError::io(path, cause))?;
    }
    let kept = keep(path, &format!("before-repair-{stamp}"))?;
    new.name(path, true)?;
    remove_companions(path)?;
    // Held until here, so that no server could open the file meanwhile.
    drop(file);
    Ok(Some(Repaired { report, kept, aside }))
}

/// The size of a file before and after it was compacted, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Compacted {
    /// The size before.
    pub before: u64,
    /// The size now.
    pub after: u64,
}

/// Writes the games of the file at `path` to a file that is as small as it can be, and puts that in its place.
/// Players notice nothing: it stays the same file to them. `before` gets the size first, because the disk needs
/// space for both files.
///
/// # Errors
/// The file can't be opened, is not whole, or the new one can't be written.
pub fn compact_file(path: &Path, control: &CopyControl) -> Result<Compacted, OfflineError> {
    let file = InspectedFile::open(path, true)?;
    let mut new = NewFile::beside(path, control)?;
    let (report, _) = rewrite(&file, &mut new, &mut |_, _| Ok(()))?;
    let meta = whole_meta(&file, &report)?;
    // The same random number, and the note beside the file still fits: it is the same life. A file that was moved
    // or restored is still found to be so.
    let is_same = meta.identity == Some(identity_of(path)?);
    let identity = if is_same { Some(identity_of(new.path())?) } else { meta.identity };
    new.close(&Meta { identity, clean: true, ..file.meta_or(meta.time) })?;
    let after = std::fs::metadata(new.path()).map_err(|cause| BackupError::io(path, cause))?.len();
    let before = file.length();
    take_owner(new.path(), path).map_err(|cause| BackupError::io(path, cause))?;
    new.name(path, true)?;
    drop(file);
    // After the rename: the new file has all its rows.
    remove_if_there(&log_path(path))?;
    Ok(Compacted { before, after })
}

/// Backs up the file at `path` to a new file at `target`.
///
/// # Errors
/// The file can't be opened or is not whole, there is a file at `target`, or it can't be written.
pub fn back_up_file(
    path: &Path,
    target: &Path,
    taken_at: WallTime,
    control: &CopyControl,
) -> Result<BackupReport, OfflineError> {
    let begun = Instant::now();
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()).into());
    }
    let file = InspectedFile::open(path, false)?;
    let mut new = NewFile::beside(target, control)?;
    let (report, _) = rewrite(&file, &mut new, &mut |_, _| Ok(()))?;
    let meta = whole_meta(&file, &report)?;
    let meta = Meta { random: random()?, identity: Some(UNUSED), clean: true, ..file.meta_or(meta.time) };
    new.close(&meta)?;
    let report = prove_and_name(new, target, (taken_at, meta.generation), control)?;
    Ok(BackupReport { took: begun.elapsed(), ..report })
}

/// The metadata of a file in which nothing is damaged.
fn whole_meta(file: &InspectedFile, report: &FileReport) -> Result<Meta, OfflineError> {
    match file.meta {
        Some(meta) if report.is_whole() => Ok(meta),
        _ => Err(OfflineError::NotWhole(format!(
            "{} is damaged: rejoin check {} says where, and --repair writes what can be read to a new file",
            file.path.display(),
            file.path.display()
        ))),
    }
}

/// What a restore has done.
#[derive(Debug)]
pub struct Restored {
    /// What was restored.
    pub report: FileReport,
    /// Where the file is now that was there before; `None` if there was none.
    pub kept: Option<PathBuf>,
}

/// Puts a copy of the backup at `backup` in place as the file at `path`. Before anything is changed, the copy is
/// read as a whole, and must be what the backup says. With `replaces` a file at `path` is kept under another name,
/// which `stamp` makes.
///
/// # Errors
/// The backup can't be read, is not whole, or is of a newer release; there is a file at `path`, or a server has it
/// open; or the copy can't be written.
pub fn restore_file(backup: &Path, path: &Path, replaces: bool, stamp: &str) -> Result<Restored, OfflineError> {
    // Opened first: as long as it is held, no server can begin to use it.
    let replaced = if path.exists() { Some(held(path)?) } else { None };
    if replaced.is_some() && !replaces {
        return Err(OfflineError::Exists(path.to_owned()));
    }
    let folder = folder_of(path);
    let failed = |cause| BackupError::io(folder, cause);
    super::make_folder(folder).map_err(failed)?;
    remove_unfinished(folder);
    let copy = tempfile::Builder::new().prefix(UNFINISHED).suffix(".redb").tempfile_in(folder).map_err(failed)?;
    lock(copy.as_file(), copy.path(), true)?;
    let mut source = File::open(backup).map_err(|cause| BackupError::io(backup, cause))?;
    std::io::copy(&mut source, &mut copy.as_file()).map_err(failed)?;
    copy.as_file().sync_all().map_err(failed)?;
    let like = if replaced.is_some() { path } else { folder };
    take_owner(copy.path(), like).map_err(failed)?;
    let copy = copy.into_temp_path();
    let report = proved(backup, &copy)?;
    // Also the log and the note of a file that is gone. They must not meet the restored one.
    let kept = keep(path, &format!("before-restore-{stamp}"))?;
    let kept = replaced.is_some().then_some(kept);
    let named = if replaced.is_some() { copy.persist(path) } else { copy.persist_noclobber(path) };
    named.map_err(|refused| failed(refused.error))?;
    remove_companions(path)?;
    sync_folder(folder).map_err(failed)?;
    drop(replaced);
    Ok(Restored { report, kept })
}

/// Reads the copy of a backup as a whole.
fn proved(backup: &Path, copy: &Path) -> Result<FileReport, OfflineError> {
    let name = backup.display();
    let file = InspectedFile::open(copy, false).map_err(|error| {
        // The operator knows the backup, and not the copy.
        OfflineError::NotWhole(error.to_string().replace(&copy.display().to_string(), &name.to_string()))
    })?;
    let report = FileReport::of(&file, || {});
    let is_open = report.mark.is_none() && file.meta.is_some_and(|meta| !meta.clean);
    let what = match report.is_whole() {
        true => return Ok(report),
        // Its log may be beside it. A copy of the file alone would be restored without it.
        false if is_open => format!(
            "{name} is no backup, and no server has closed it: what was committed last is in its log, or missing. \
             rejoin backup NEW-FILE --data-dir FOLDER makes a backup of a file with its log"
        ),
        false => format!(
            "{name} is not whole: rejoin check {name} says what is damaged. To use what is whole, copy it, and let rejoin \
             check COPY --repair make the copy whole"
        ),
    };
    Err(OfflineError::NotWhole(format!("{what}. Nothing was changed")))
}

/// What a backup says about itself; `None` if it is none.
///
/// # Errors
/// The file can't be opened, a server has it open, or no commit can be found in it.
pub fn backup_mark(path: &Path) -> Result<Option<BackupMark>, OpenError> {
    Ok(InspectedFile::open(path, false)?.mark())
}

/// Holds a file as a server would. A damaged file can be held too.
fn held(path: &Path) -> Result<File, OpenError> {
    let file = File::open(path).map_err(|cause| OpenError::Io { path: path.display().to_string(), cause })?;
    lock(&file, path, true).map(|()| file)
}

fn identity_of(path: &Path) -> Result<Identity, BackupError> {
    std::fs::metadata(path).map(|metadata| Identity::of(&metadata)).map_err(|cause| BackupError::io(path, cause))
}

/// Gives a file a second name, and its log and note too, so that they still belong together. The file keeps its
/// first name until another one takes it, so that there is a file at `path` at every moment.
fn keep(path: &Path, name: &str) -> Result<PathBuf, BackupError> {
    let kept = free_name(path, name);
    if path.exists() {
        link(path, &kept)?;
    }
    for place in [log_path, file_note::place] {
        if place(path).exists() {
            link(&place(path), &place(&kept))?;
        }
    }
    Ok(kept)
}

/// A name beside `path` that no file has, nor a log or a note of such a file: something was kept in this second
/// already.
fn free_name(path: &Path, name: &str) -> PathBuf {
    let count = |count: u32| if count == 1 { String::new() } else { format!("-{count}") };
    let names = (1..).map(|number| companion(path, &format!("{name}{}.redb", count(number))));
    let is_free = |kept: &PathBuf| ![kept.clone(), log_path(kept), file_note::place(kept)].iter().any(|it| it.exists());
    names.into_iter().find(is_free).expect("some number is free")
}

/// Gives a file a second name, which must be free: what is kept is never overwritten.
fn link(from: &Path, to: &Path) -> Result<(), BackupError> {
    let linked = std::fs::hard_link(from, to).or_else(|error| {
        // Some file systems have no second names.
        if error.kind() == std::io::ErrorKind::AlreadyExists { Err(error) } else { std::fs::rename(from, to) }
    });
    linked.map_err(|cause| BackupError::io(to, cause))
}

/// Removes the log and the note of the file that was at `path` before.
fn remove_companions(path: &Path) -> Result<(), BackupError> {
    [log_path, file_note::place].iter().try_for_each(|place| remove_if_there(&place(path)))
}

fn remove_if_there(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(BackupError::io(path, cause)),
        _ => Ok(()),
    }
}
