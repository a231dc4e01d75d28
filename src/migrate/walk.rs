//! Walks over all sessions of a store, many at a time, until the end or until something stops the walk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::SessionId;
use crate::store::{Portable, StoreError, StoreResult};

/// Sessions handled at a time. Enough for one commit to carry many sessions while the next ones are read.
/// With 64, moving from Valkey into a file took three times as long.
const AT_ONCE: usize = 128;
/// Ids read in one scan.
const PAGE: usize = 1_000;
/// How long to retry while a store is not available.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two attempts: the first one, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Names one of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Source,
    Target,
}

/// Why the walk stopped before the end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The operator stopped it. Within a walk also: another worker has failed.
    Asked,
    /// A store was not available for too long, or is full.
    Store(Which, anyhow::Error),
}

/// Why one session could not be handled.
#[derive(Debug)]
pub(super) enum WalkError {
    /// A record can't be read: in which store, and what was wrong.
    Unreadable(Which, String),
    /// The walk must stop.
    Stop(Stop),
}

impl From<Stop> for WalkError {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Retries calls to a store with backoff, until the operator stops the run.
#[derive(Clone, Default)]
pub(super) struct Patience(pub(super) CancellationToken);

impl Patience {
    /// Retries the call until it succeeds, for [`PATIENCE`] at most. Errors that a retry can't help, a corrupt
    /// record or a full store, are returned at once.
    pub(super) async fn call<T, F>(&self, which: Which, mut call: impl FnMut() -> F) -> Result<T, WalkError>
    where
        F: Future<Output = StoreResult<T>>,
    {
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(StoreError::Corrupt { what }) => return Err(WalkError::Unreadable(which, what)),
                // Only the operator can free space: don't retry.
                Err(error @ StoreError::Full) => return Err(Stop::Store(which, error.into()).into()),
                Err(error) if begun.elapsed() + pause > PATIENCE => return Err(Stop::Store(which, error.into()).into()),
                Err(_) => self.wait(pause).await?,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn wait(&self, pause: Duration) -> Result<(), Stop> {
        tokio::time::timeout(pause, self.0.cancelled()).await.map_or(Ok(()), |()| Err(Stop::Asked))
    }
}

/// Hands out the ids of a store to many workers, page by page.
struct Ids {
    portable: Arc<dyn Portable>,
    patience: Patience,
    page: Mutex<IdPage>,
}

#[derive(Default)]
struct IdPage {
    left: std::vec::IntoIter<SessionId>,
    last: Option<SessionId>,
    is_end: bool,
}

impl Ids {
    fn new(portable: Arc<dyn Portable>, patience: Patience) -> Self {
        Self { portable, patience, page: Mutex::default() }
    }

    async fn next(&self) -> Result<Option<SessionId>, Stop> {
        // Held during the scan on purpose: one worker reads the next page, the others wait for it.
        let mut page = self.page.lock().await;
        if page.left.len() == 0 && !page.is_end {
            let last = page.last.take();
            let scanned = self.patience.call(Which::Source, || self.portable.scan(last.as_ref(), PAGE)).await;
            let ids = scanned.map_err(|trouble| match trouble {
                WalkError::Stop(stop) => stop,
                // Without the list of ids the walk can't go on.
                WalkError::Unreadable(which, what) => Stop::Store(which, StoreError::Corrupt { what }.into()),
            })?;
            (page.is_end, page.last) = (ids.is_empty(), ids.last().cloned());
            page.left = ids.into_iter();
        }
        Ok(page.left.next())
    }
}

/// The number of records in a store, including dead sessions.
pub(super) async fn count(portable: Arc<dyn Portable>, patience: Patience) -> Result<u64, Stop> {
    let ids = Ids::new(portable, patience);
    let mut count = 0;
    while ids.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Calls `act` for every session of `portable`, [`AT_ONCE`] at a time. Calls that have begun are completed
/// when something stops the walk.
pub(super) async fn each<F>(
    portable: Arc<dyn Portable>,
    stop: &CancellationToken,
    act: impl Fn(SessionId, Patience) -> F + Clone + Send + 'static,
) -> Result<(), Stop>
where
    F: Future<Output = Result<(), Stop>> + Send + 'static,
{
    // A child token: a failed worker stops the other workers, and `stop` still belongs to the operator alone.
    let all = stop.child_token();
    let patience = Patience(all.clone());
    let ids = Arc::new(Ids::new(portable, patience.clone()));
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (ids, patience, act) = (ids.clone(), patience.clone(), act.clone());
        workers.spawn(async move {
            while !patience.0.is_cancelled() {
                let Some(id) = ids.next().await? else { return Ok(()) };
                act(id, patience.clone()).await?;
            }
            Err(Stop::Asked)
        });
    }
    let mut done = Ok(());
    while let Some(worked) = workers.join_next().await {
        let worked = worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        if worked.is_err() {
            all.cancel();
        }
        // Report the first store error; workers stopped because of it return `Stop::Asked`.
        if let (Err(stopped), Ok(()) | Err(Stop::Asked)) = (worked, &done) {
            done = Err(stopped);
        }
    }
    done
}
