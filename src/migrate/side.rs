//! Opens the source and the target. This is the only file of `migrate` that names the engines.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use super::location::Location;
use crate::domain::GameSession;
use crate::store::clock::system_wall_clock;
use crate::store::redb::{OpenError, RedbOptions, RedbStore, file_opener, make_folder};
use crate::store::valkey::{Topology, ValkeyOptions, ValkeyStore, ValkeyTarget};
use crate::store::{GameSessionStore, Portable};

/// How long to wait for the first connection to Valkey.
const REACHING: Duration = Duration::from_millis(2_500);
/// How long one import may wait for its commit.
const PATIENCE: Duration = Duration::from_secs(5);
/// The page cache of a file, in bytes.
const CACHE: usize = 64 * 1024 * 1024;
/// The cache of decoded quizzes, in bytes. It is small because each quiz is needed once.
const QUIZ_CACHE: u64 = 1024 * 1024;
/// Tolerance for recognising another client of a Valkey: its server mark must be older than our own
/// connection by more than this.
const OURS: Duration = Duration::from_millis(500);

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// An open store.
pub(super) struct Side {
    pub(super) store: Arc<dyn Portable>,
    /// True if no other process can change the store meanwhile.
    pub(super) is_ours: bool,
    /// True if another client was seen to use the store.
    pub(super) is_used: bool,
    /// Data that is known to be missing from the store; `None` if there is none.
    pub(super) missing: Option<String>,
    /// True if the store must be closed: it was opened for writing, or it is Valkey.
    closes: bool,
}

impl Side {
    /// A side with the stores of a test.
    #[cfg(test)]
    pub(super) fn of(store: Arc<dyn Portable>, is_ours: bool) -> Self {
        Self { store, is_ours, is_used: false, missing: None, closes: false }
    }

    /// Opens a store. It must exist, unless it is a file opened for writing.
    pub(super) async fn open(place: &Location, access: Access) -> anyhow::Result<Self> {
        let opened = match place {
            Location::File(path) => open_file(path, access),
            Location::Valkey(target) => open_valkey(target).await,
        };
        opened.with_context(|| place.to_string())
    }

    /// Opens the target of a dry run. `None` if the file does not exist; a dry run does not create it.
    pub(super) async fn open_if_there(place: &Location) -> anyhow::Result<Option<Self>> {
        match place {
            Location::File(path) if !path.exists() => Ok(None),
            _ => Self::open(place, Access::Read).await.map(Some),
        }
    }

    /// Completes the accepted writes and closes the store.
    pub(super) async fn close(&self) -> anyhow::Result<()> {
        if self.closes {
            self.store.close().await?;
        }
        Ok(())
    }
}

fn open_file(path: &Path, access: Access) -> anyhow::Result<Side> {
    let (rules, wall) = (GameSession::apply, system_wall_clock());
    let options = RedbOptions { rules, wall, patience: PATIENCE, quiz_cache: QUIZ_CACHE };
    let opened = match access {
        Access::Read if !path.exists() => bail!("there is no such file"),
        Access::Read => RedbStore::open_read_only(path.to_owned(), CACHE, options),
        Access::Write => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            make_folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            RedbStore::open(file_opener(path.to_owned(), CACHE), options)
        }
    };
    let store = Arc::new(opened.map_err(led)?);
    // Stops the file's clock, as while its server is down: no session comes nearer to its deadline during the
    // move.
    store.hold_time();
    Ok(Side {
        missing: store.missing().map(str::to_owned),
        store,
        is_ours: true,
        is_used: false,
        closes: access == Access::Write,
    })
}

/// The error without the path, which the context adds, and with the next step for the operator.
fn led(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Held(_) => {
            anyhow!("another process holds it. If that is a server, stop it first, and start it again after the move")
        }
        OpenError::Unusable { what, .. } => anyhow!("it cannot be used: {what}"),
        OpenError::Io { cause, .. } => anyhow!("it cannot be opened: {cause}"),
        unwritable @ OpenError::Unwritable(_) => unwritable.into(),
    }
}

async fn open_valkey(target: &ValkeyTarget) -> anyhow::Result<Side> {
    let options = ValkeyOptions {
        target: target.clone(),
        rules: GameSession::apply,
        wall: system_wall_clock(),
        quiz_cache: QUIZ_CACHE,
        kept_dead: ValkeyOptions::KEPT_DEAD,
    };
    // Taken before the connection is opened, so that our own mark can't look older than `begun`.
    let begun = std::time::Instant::now();
    let store = Arc::new(ValkeyStore::open(options)?);
    store.until_reachable(REACHING).await.map_err(|error| {
        let error = anyhow::Error::from(error);
        let hint = hint(target, &format!("{error:#}"));
        anyhow!("{error:#}{hint}")
    })?;
    let moment = store.clock().moment();
    let marked = Duration::from_millis(moment.now.since(moment.up_since).0);
    Ok(Side { store, is_ours: false, is_used: marked > begun.elapsed() + OURS, missing: None, closes: true })
}

/// The most likely cause of a connection error, as a hint.
fn hint(target: &ValkeyTarget, cause: &str) -> &'static str {
    match cause {
        _ if cause.contains("NOAUTH") && matches!(target.topology, Topology::Sentinel { .. }) => {
            ". A password is asked for: VALKEY_PASSWORD is the servers', VALKEY_SENTINEL_PASSWORD the sentinels'"
        }
        _ if cause.contains("NOAUTH") => ". It asks for a password: set VALKEY_PASSWORD",
        _ if cause.contains("WRONGPASS") => ". See VALKEY_PASSWORD, or the user and password in the URL",
        _ if cause.contains("Connection refused") => ". Nothing listens there",
        _ if target.is_encrypted => ". Is it a port of TLS, and does VALKEY_CA_FILE name who signed its certificate?",
        _ => "",
    }
}
