//! Waiting on a machine however busy. Tests assert what happens, in which order and how often: what
//! they wait for has a deadline that only a hang meets, and how long it took is printed. The promises
//! of time are measured by `cargo bench --bench outages`.

use std::panic::Location;
use std::time::{Duration, Instant};

/// What takes longer hangs: over ten times what a slow machine with a busy neighbour needs.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// How long a condition is left alone.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits for a condition.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let (place, begun) = (Location::caller(), Instant::now());
    async move {
        while !is_so() {
            assert!(begun.elapsed() < HANG, "{place}: it does not happen");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The same for a condition that has to be asked for.
#[track_caller]
pub(crate) fn until_async(mut is_so: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let (place, begun) = (Location::caller(), Instant::now());
    async move {
        while !is_so().await {
            assert!(begun.elapsed() < HANG, "{place}: it does not happen");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Waits, without a runtime, until there is something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < HANG, "still not: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// The same for a condition.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// What comes of something that must not hang.
#[track_caller]
pub(crate) fn in_time<T>(doing: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = Location::caller();
    async move {
        let done = tokio::time::timeout(HANG, doing).await;
        done.unwrap_or_else(|_| panic!("{place}: it does not end"))
    }
}

/// Prints how long it took, and gives it.
pub(crate) fn took(what: &str, begun: Instant) -> Duration {
    let took = begun.elapsed();
    println!("{what}: {took:?}");
    took
}
