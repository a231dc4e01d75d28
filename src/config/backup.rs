//! Settings of backups: of the server, and of the commands that work on its file.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use super::{AdminSettings, duration};

/// How many dated backups are kept if no setting says so.
const KEEP: usize = 24;

/// Settings of the backups that a server makes.
#[derive(Debug, Clone, Args)]
pub struct BackupSettings {
    /// Interval of backups into --backup-dir, at least 10s
    #[arg(long = "backup-every", env = "REJOIN_BACKUP_EVERY", value_parser = duration, value_name = "DURATION")]
    pub every: Option<Duration>,

    /// The folder of backups, best on another disk. Created if missing
    #[arg(long = "backup-dir", env = "REJOIN_BACKUP_DIR", value_name = "FOLDER")]
    pub dir: Option<PathBuf>,

    /// How many of the backups that --backup-every makes are kept, the newest ones [default: 24]
    #[arg(long = "backup-keep", env = "REJOIN_BACKUP_KEEP", value_name = "COUNT")]
    pub keep: Option<usize>,
}

impl BackupSettings {
    /// How many dated backups are kept.
    pub fn kept(&self) -> usize {
        self.keep.unwrap_or(KEEP)
    }

    /// Checks the settings. `has_file` tells whether this server has a file to back up.
    ///
    /// # Errors
    /// The first wrong setting, by name.
    pub(super) fn check(&self, has_file: bool) -> anyhow::Result<()> {
        if let Some(every) = self.every {
            ensure!(every >= Duration::from_secs(10), "REJOIN_BACKUP_EVERY: at least 10s");
            ensure!(self.dir.is_some(), "REJOIN_BACKUP_EVERY needs REJOIN_BACKUP_DIR: the folder of the backups");
            ensure!(
                has_file,
                "REJOIN_BACKUP_EVERY: this server has no file to back up. SESSION_STORE=redb has one, and \
                 REJOIN_FALLBACK=redb. Valkey has backups of its own"
            );
        }
        ensure!(self.keep.is_none() || self.every.is_some(), "REJOIN_BACKUP_KEEP needs REJOIN_BACKUP_EVERY");
        ensure!(self.keep != Some(0), "REJOIN_BACKUP_KEEP: at least 1");
        Ok(())
    }
}

/// The file that a command works on.
#[derive(Debug, Clone, Args)]
pub struct DataFile {
    /// The folder of the server's file
    #[arg(long, env = "REJOIN_DATA_DIR", default_value = "data", value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Work on fallback.redb, the file of games that began while Valkey was away, instead of rejoin.redb
    #[arg(long)]
    pub fallback: bool,
}

impl DataFile {
    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.data_dir.join(if self.fallback { crate::server::FALLBACK_FILE } else { crate::server::FILE })
    }
}

/// The text that `backup --help` prints after the settings.
pub(super) const BACKUP_HELP: &str = "\
If a server answers at the admin listener, it makes the backup, while players go
on. FILE is then a path on its machine. If none answers, the file of the data
folder is backed up, unless a server uses it.

The backup is complete and was read back, or it does not exist. It has everything
that was acknowledged before it began. No existing file is ever replaced.

  rejoin backup /backups/before-the-upgrade.redb";

/// Settings of `backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write [default: a name with the date, in the folder of backups]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// The folder of backups, if no server answers
    #[arg(long, env = "REJOIN_BACKUP_DIR", value_name = "FOLDER")]
    pub backup_dir: Option<PathBuf>,

    /// How the server is asked.
    #[command(flatten)]
    pub admin: AdminSettings,

    /// The file to back up if no server answers.
    #[command(flatten)]
    pub of: DataFile,
}

/// The text that `restore --help` prints after the settings.
pub(super) const RESTORE_HELP: &str = "\
Stop the server first. The backup is copied beside the file, read as a whole and
compared with what it says about itself. Only then anything is changed. With
--replace the old file is kept under another name, with its log and its note.

Games go on as they were when the backup began, with the time that they had left.
Everything since then is gone. Players who come back to a room are told so:
recovered is false, and they get a complete snapshot.

  rejoin restore /backups/rejoin-2026-11-27T17-00-00Z.redb --data-dir data";

/// Settings of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup
    #[arg(value_name = "BACKUP")]
    pub backup: PathBuf,

    /// Replace the file that is there. It is kept under another name
    #[arg(long)]
    pub replace: bool,

    /// Where to put it.
    #[command(flatten)]
    pub target: DataFile,
}

/// The text that `check --help` prints after the settings.
pub(super) const CHECK_HELP: &str = "\
Stop the server first, or check a backup. Every page is compared with its
checksum, and every game is read with its quiz, questions and events. Damaged
games are named by the short hash of their id, which the log uses too. Nothing is
written, and the exit code is 0 only if everything is whole.

With --repair everything that can be read goes to a new file in place of the old
one. Rows of damaged games and pages go to rejoin.damaged-DATE.jsonl, for a
developer, and the old file is kept as rejoin.before-repair-DATE.redb. A page in
which one bit is flipped is corrected: its checksum proves it.";

/// Settings of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file to check, such as a backup [default: that of the data folder]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Write what can be read to a new file in place of the old one
    #[arg(long)]
    pub repair: bool,

    /// The file to check if none is named.
    #[command(flatten)]
    pub of: DataFile,
}

impl CheckArgs {
    /// The path of the file to check.
    pub fn path(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| self.of.path())
    }
}

/// Settings of `compact`.
#[derive(Debug, Args)]
pub struct CompactArgs {
    /// The file to compact.
    #[command(flatten)]
    pub of: DataFile,
}
