//! Stores: how long their calls take, how they fail, and the sizes of their batches.

use std::time::Duration;

use super::label::labels;
use super::{By, Counter, Histogram, Label, Metrics};

labels! {
    /// A call to a store.
    StoreOperation "operation" {
        /// A new session.
        Create = "create",
        /// A read of a session.
        Get = "get",
        /// A command.
        Apply = "apply",
        /// A deletion.
        Delete = "delete",
        /// A read of events.
        Events = "events",
        /// A search by join code.
        Find = "find",
        /// A list of an owner's sessions.
        Owned = "owned",
        /// A step of the reaper.
        Sweep = "sweep",
    }

    /// How a call to a store failed.
    StoreFault "error" {
        /// Too much work waits.
        Busy = "busy",
        /// No space is left.
        Full = "full",
        /// The store can't be reached.
        Unavailable = "unavailable",
        /// It is not known whether the command was committed.
        Unknown = "outcome-unknown",
        /// A record can't be read.
        Corrupt = "corrupt",
        /// A rule panicked.
        Rule = "rule-failed",
    }
}

/// Upper bounds of the buckets of latencies, in seconds. Alerts use 50 ms.
const SECONDS: [f64; 16] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// A histogram of latencies.
pub(super) fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// What is recorded about one store.
#[derive(Debug)]
pub struct StoreMetrics {
    calls: By<StoreOperation, Histogram>,
    /// By the number of the operation.
    errors: Vec<By<StoreFault, Counter>>,
    /// Sessions that the reaper has deleted.
    pub reaped: Counter,
    /// Events that were recorded.
    pub recorded: Counter,
    /// Events that were pruned.
    pub pruned: Counter,
}

impl StoreMetrics {
    /// Records a call, and how it failed if it did.
    pub fn called(&self, operation: StoreOperation, took: Duration, fault: Option<StoreFault>) {
        self.calls[operation].observe(took.as_secs_f64());
        if let Some(fault) = fault {
            self.errors[operation.number()][fault].inc();
        }
    }
}

impl Metrics {
    /// The metrics of a store of this engine, which is `main` or `fallback` to the server.
    pub fn store(&self, engine: &'static str, store: &'static str) -> StoreMetrics {
        let labels = [("engine", engine), ("store", store)];
        let errors = |operation: &StoreOperation| {
            By::of(&self.store_errors, &[labels[0], labels[1], (StoreOperation::NAME, operation.word())])
        };
        StoreMetrics {
            calls: By::of(&self.store_calls, &labels),
            errors: StoreOperation::ALL.iter().map(errors).collect(),
            reaped: self.reaped.get_or_create_owned(&labels.map(|(name, value)| (name, value.into())).into()),
            recorded: self.recorded.clone(),
            pruned: self.pruned.clone(),
        }
    }
}

/// The sizes of a store's batches, which the engine records. Clones share them.
#[derive(Debug, Clone)]
pub struct BatchSizes(pub(super) Histogram);

impl Default for BatchSizes {
    fn default() -> Self {
        Self(Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1_024.0, 4_096.0]))
    }
}

impl BatchSizes {
    /// Records a batch of this many commands.
    pub fn note(&self, commands: usize) {
        self.0.observe(commands as f64);
    }
}

/// How long a remote server takes to answer, which the engine records. Clones share it.
#[derive(Debug, Clone)]
pub struct Latency(pub(super) Histogram);

impl Default for Latency {
    fn default() -> Self {
        Self(seconds())
    }
}

impl Latency {
    /// Records an answer that took this long.
    pub fn note(&self, took: Duration) {
        self.0.observe(took.as_secs_f64());
    }
}
