//! Opens the stores that the settings ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytesize::ByteSize;

use super::Outside;
use crate::config::{EngineChoice, Fallback, Settings, StoreLog};
use crate::domain::{GameSession, Timestamp};
use crate::store::backup::BackupSource;
use crate::store::memory::MemoryStore;
use crate::store::redb::{LogOptions, Opening, RedbOptions, RedbStore, file_opener, make_folder};
use crate::store::valkey::{ValkeyOptions, ValkeyStore};
use crate::store::{GameClock, LocalFallback, Store, StoreRouter};

/// How long a command may wait for its commit before the caller gets an error.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of decoded quizzes that all stores of a server may cache together: enough for 100,000 games on one bank.
const QUIZ_CACHE: u64 = 40 * 1024 * 1024;

/// How long the start waits for Valkey before it announces the store as unreachable.
const FIRST_LOOK: Duration = Duration::from_millis(500);

/// Name of the database file in the data folder.
pub(crate) const FILE: &str = "rejoin.redb";
/// Name of the local fallback's file. It differs from [`FILE`], so that its games never mix with those of a
/// main store that was migrated away.
pub(crate) const FALLBACK_FILE: &str = "fallback.redb";

/// The stores of a server.
pub struct Stores {
    /// Routes a session id to its store.
    pub router: StoreRouter,
    /// The main store's location, for people.
    pub place: String,
    /// The local fallback's location, for people. `None` without a fallback.
    pub fallback: Option<String>,
    /// The state in which this instance's own file was found. `None` if it has no file.
    pub opening: Option<Opening>,
    /// Whether this start has created that file.
    pub is_new: bool,
    /// This instance's own file, to be backed up; or why it has none.
    pub file: Result<Arc<dyn BackupSource>, &'static str>,
}

/// Why a server in memory has nothing to back up.
const IN_MEMORY: &str = "the games are in memory only: there is no file to back up";
/// Why a server with Valkey alone has nothing to back up.
const IN_VALKEY: &str = "the games are in Valkey, which has backups of its own: there is no file to back up";

impl Stores {
    /// Opens the stores that the settings ask for.
    ///
    /// # Errors
    /// A store can't be opened.
    pub async fn open(settings: &Settings, outside: &Outside) -> anyhow::Result<Self> {
        let (store, place) = match settings.store {
            EngineChoice::Redb => {
                tell_of_what_stays_shut(settings);
                let OpenedFile { store, place, opening, is_new } = open_redb(FILE, settings, outside)?;
                let (file, router) = (store.clone(), StoreRouter::only(store));
                return Ok(Self { router, place, fallback: None, opening: Some(opening), is_new, file: Ok(file) });
            }
            EngineChoice::Memory => memory(outside),
            EngineChoice::Valkey => {
                let (store, place) = open_valkey(settings, outside).await?;
                return Self::shared(store, place, settings, outside);
            }
        };
        let router = StoreRouter::only(store);
        Ok(Self { router, place, fallback: None, opening: None, is_new: false, file: Err(IN_MEMORY) })
    }

    /// Opens the settings' fallback beside `keeper`, a store at `place` that several instances share.
    ///
    /// # Errors
    /// The fallback can't be opened.
    pub fn shared(store: Store, place: String, settings: &Settings, outside: &Outside) -> anyhow::Result<Self> {
        let mut file: Result<Arc<dyn BackupSource>, _> = Err(IN_VALKEY);
        let mut is_new = false;
        let (opened, opening) = match settings.fallback {
            Fallback::None => (None, None),
            Fallback::Memory => (Some(memory(outside)), None),
            Fallback::Redb => {
                let opened = open_redb(FALLBACK_FILE, settings, outside).context("REJOIN_FALLBACK")?;
                let OpenedFile { store, place, opening, is_new: is_created } = opened;
                file = Ok(store.clone());
                is_new = is_created;
                let store: Store = store;
                (Some((store, place)), Some(opening))
            }
        };
        let (own, fallback) = match (opened, &settings.instance) {
            (Some((store, place)), Some(home)) => (Some(LocalFallback { instance: home.clone(), store }), Some(place)),
            _ => (None, None),
        };
        Ok(Self { router: StoreRouter::shared(store, own), place, fallback, opening, is_new, file })
    }
}

/// The database file that only this instance opens: its store, or its fallback. `None` if it has none.
pub(super) fn own_file(settings: &Settings) -> Option<PathBuf> {
    let name = match (settings.store, settings.fallback) {
        (EngineChoice::Redb, _) => FILE,
        (EngineChoice::Valkey, Fallback::Redb) => FALLBACK_FILE,
        _ => return None,
    };
    Some(settings.data_dir.join(name))
}

/// Each store's part of [`QUIZ_CACHE`]: half of it where a fallback file is a second store with a cache.
fn quiz_cache(settings: &Settings) -> u64 {
    if settings.fallback == Fallback::Redb { QUIZ_CACHE / 2 } else { QUIZ_CACHE }
}

/// Warns about sessions and settings that a server with a file store leaves unused. Games that began while
/// Valkey was unavailable are in a file of their own, which only a server with the Valkey store opens.
fn tell_of_what_stays_shut(settings: &Settings) {
    let (folder, url) = (&settings.data_dir, &settings.valkey.url);
    if folder.join(FALLBACK_FILE).exists() {
        let folder = folder.display();
        tracing::warn!(
            "{folder}/{FALLBACK_FILE} is not opened, because SESSION_STORE is not valkey. It has games that began \
             while Valkey was away. To move them here, stop the server and run: \
             rejoin migrate --from redb:{folder}/{FALLBACK_FILE} --to redb:{folder}"
        );
    }
    if url.is_some() {
        tracing::warn!("VALKEY_URL is set but not used, because the store is a file; SESSION_STORE=valkey uses it");
    }
}

fn memory(outside: &Outside) -> (Store, String) {
    let base = Timestamp::from_millis((outside.wall)().0);
    let random = u64::from_le_bytes(outside.chance.bytes());
    let clock = Arc::new(GameClock::start(base, outside.wall.clone()));
    let store = Arc::new(MemoryStore::new(GameSession::apply, random, clock));
    (store, "memory (gone when the process ends)".to_owned())
}

/// Maximum bytes of the file's page cache on a machine with `memory` bytes: an eighth of it, at least 64 MiB
/// and at most 1 GiB, beyond which more hardly helps. The cache never grows larger than the file.
fn cache_size(memory: u64) -> u64 {
    (memory / 8).clamp(ByteSize::mib(64).as_u64(), ByteSize::gib(1).as_u64())
}

/// An open file, with its location for people.
struct OpenedFile {
    store: Arc<RedbStore>,
    place: String,
    opening: Opening,
    is_new: bool,
}

fn open_redb(file: &str, settings: &Settings, outside: &Outside) -> anyhow::Result<OpenedFile> {
    let folder = &settings.data_dir;
    make_folder(folder).with_context(|| format!("REJOIN_DATA_DIR: cannot make {}", folder.display()))?;
    let path: PathBuf = folder.join(file);
    let cache = settings.cache_size.map_or_else(|| cache_size(super::memory::limit()), |size| size.as_u64());
    let cache = usize::try_from(cache).unwrap_or(usize::MAX);
    let wall = outside.wall.clone();
    let options = RedbOptions { rules: GameSession::apply, wall, patience: PATIENCE, quiz_cache: quiz_cache(settings) };
    let opener = file_opener(path.clone(), cache);
    let opener = opener.max_size(settings.max_size.map(|size| size.as_u64())).new_epoch(settings.new_epoch);
    let opener = opener.log((settings.store_log == StoreLog::On).then(LogOptions::default));
    let is_new = !path.exists();
    let store = RedbStore::open(opener, options)?;
    let place = format!("redb at {}", path.display());
    let opening = store.opening();
    Ok(OpenedFile { store: Arc::new(store), place, opening, is_new })
}

/// Opens the Valkey store. Waits for [`FIRST_LOOK`] until Valkey is reachable, so that the start announces
/// the right state. An unreachable Valkey doesn't stop the start.
async fn open_valkey(settings: &Settings, outside: &Outside) -> anyhow::Result<(Store, String)> {
    let url = settings.valkey.url.as_deref().context("VALKEY_URL: SESSION_STORE=valkey needs it")?;
    let target = settings.valkey.target(url)?;
    let place = format!("valkey at {}", target.hosts());
    let (rules, kept_dead) = (GameSession::apply, ValkeyOptions::KEPT_DEAD);
    let wall = outside.wall.clone();
    let quiz_cache = quiz_cache(settings);
    let store = ValkeyStore::open(ValkeyOptions { target, rules, wall, quiz_cache, kept_dead })?;
    drop(store.until_reachable(FIRST_LOOK).await);
    Ok((Arc::new(store), place))
}
