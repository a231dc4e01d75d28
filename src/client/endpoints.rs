//! The base URLs of the server: one, or several instances that are tried in turn.

use std::sync::Arc;

use parking_lot::Mutex;

/// Base URLs, such as `http://127.0.0.1:8080`. Clones share the list, which may be changed while they are in
/// use. Each clone has its own position in the list.
#[derive(Debug, Clone)]
pub struct Endpoints {
    urls: Arc<Mutex<Vec<String>>>,
    turn: usize,
}

impl Endpoints {
    /// Several instances; the first one is tried first.
    pub fn new<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        let bases = Self { urls: Arc::default(), turn: 0 };
        bases.set(urls);
        bases
    }

    /// A single server.
    pub fn one(url: impl Into<String>) -> Self {
        Self::new([url])
    }

    /// Replaces the list for all clones, from the next attempt on.
    pub fn set<T: Into<String>>(&self, urls: impl IntoIterator<Item = T>) {
        let plain = |url: T| url.into().trim_end_matches('/').to_owned();
        *self.urls.lock() = urls.into_iter().map(plain).collect();
    }

    /// The base URL for the next attempt; empty if the list is empty.
    pub fn current(&self) -> String {
        let urls = self.urls.lock();
        let turn = self.turn.checked_rem(urls.len()).unwrap_or_default();
        urls.get(turn).cloned().unwrap_or_default()
    }

    /// Goes on to the next base URL after a failed attempt.
    pub(super) fn turn(&mut self) {
        self.turn = self.turn.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_take_turns_and_a_change_is_seen_by_all() {
        let mut bases = Endpoints::new(["http://a/", "http://b"]);
        let other = bases.clone();
        assert_eq!(bases.current(), "http://a");
        bases.turn();
        assert_eq!((bases.current(), other.current()), ("http://b".into(), "http://a".into()));
        other.set(["http://c"]);
        assert_eq!(bases.current(), "http://c");
        other.set([""; 0]);
        assert_eq!(bases.current(), "");
    }
}
