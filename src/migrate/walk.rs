//! Going through a store's sessions, many at a time, until the end or until something stops it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::SessionId;
use crate::store::{Portable, StoreError, StoreResult};

/// Sessions under way at a time: enough for one commit to carry many while the next ones are read.
/// (With 64, moving from Valkey into a file took three times as long.)
const AT_ONCE: usize = 128;
/// Ids asked for at a time.
const PAGE: usize = 1_000;
/// How long a store that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pauses between two tries: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Which of the two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Source,
    Target,
}

/// Why the rest was left.
#[derive(Debug)]
pub(super) enum Stop {
    /// The operator asked for it.
    Asked,
    /// A store stayed away, or is full.
    Store(Which, anyhow::Error),
}

/// Why nothing came of one session.
#[derive(Debug)]
pub(super) enum WalkError {
    /// A record that can't be read, in which store, and what was met.
    Unreadable(Which, String),
    /// Nothing more is to be tried.
    Stop(Stop),
}

impl From<Stop> for WalkError {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Tries to reach stores, patiently, until the operator has enough.
#[derive(Clone, Default)]
pub(super) struct Patience(pub(super) CancellationToken);

impl Patience {
    /// Calls until there is an answer, as long as a store that is away may take.
    pub(super) async fn call<T, F>(&self, which: Which, mut call: impl FnMut() -> F) -> Result<T, WalkError>
    where
        F: Future<Output = StoreResult<T>>,
    {
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(StoreError::Corrupt { what }) => return Err(WalkError::Unreadable(which, what)),
                // Space is made by the operator, who is told at once.
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

/// Hands out ids to many, page by page.
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
        let mut page = self.page.lock().await;
        if page.left.len() == 0 && !page.is_end {
            let last = page.last.take();
            let scanned = self.patience.call(Which::Source, || self.portable.scan(last.as_ref(), PAGE)).await;
            let ids = scanned.map_err(|trouble| match trouble {
                WalkError::Stop(stop) => stop,
                // Without the list of ids there is nothing to go on with.
                WalkError::Unreadable(which, what) => Stop::Store(which, StoreError::Corrupt { what }.into()),
            })?;
            (page.is_end, page.last) = (ids.is_empty(), ids.last().cloned());
            page.left = ids.into_iter();
        }
        Ok(page.left.next())
    }
}

/// How many records a store has, dead ones included.
pub(super) async fn count(portable: Arc<dyn Portable>, patience: Patience) -> Result<u64, Stop> {
    let ids = Ids::new(portable, patience);
    let mut count = 0;
    while ids.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Lets `act` go through all sessions of `portable`, [`AT_ONCE`] at a time. What is under way when
/// something stops it is finished.
pub(super) async fn each<F>(
    portable: Arc<dyn Portable>,
    stop: &CancellationToken,
    act: impl Fn(SessionId, Patience) -> F + Clone + Send + 'static,
) -> Result<(), Stop>
where
    F: Future<Output = Result<(), Stop>> + Send + 'static,
{
    // What stops one stops all; whether it was the operator is told from `stop` itself.
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
        // The first store that failed is told, and not those who stopped for it.
        if let (Err(stopped), Ok(()) | Err(Stop::Asked)) = (worked, &done) {
            done = Err(stopped);
        }
    }
    done
}
