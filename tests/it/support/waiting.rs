//! Waiting that works on a machine however busy it is. Tests assert what happens, in which order and how
//! often. A wait has a deadline that only a hang reaches, and it prints how long it took. `cargo bench
//! --bench outages` measures the promises about time.

use std::panic::Location;
use std::time::{Duration, Instant};

/// The deadline of every wait: over ten times what a slow machine with a busy neighbour needs. What takes
/// longer hangs.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// The pause between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until a condition holds.
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

/// Like [`until`], for a condition that is async.
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

/// Waits, without an async runtime, until `look` returns something.
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

/// Like [`wait_for`], for a condition.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// The result of a future that must not hang: fails after [`HANG`].
#[track_caller]
pub(crate) fn in_time<T>(doing: impl Future<Output = T>) -> impl Future<Output = T> {
    let place = Location::caller();
    async move {
        let done = tokio::time::timeout(HANG, doing).await;
        done.unwrap_or_else(|_| panic!("{place}: it does not end"))
    }
}

/// Prints and returns the time since `begun`.
pub(crate) fn took(what: &str, begun: Instant) -> Duration {
    let took = begun.elapsed();
    println!("{what}: {took:?}");
    took
}
