//! Where the server is: one place, or several instances tried in turn.

use std::sync::Arc;

use parking_lot::Mutex;

/// Base URLs, such as `http://127.0.0.1:8080`. Clones share the list, which can be changed while they
/// are used; each goes through it at its own pace.
#[derive(Debug, Clone)]
pub struct Endpoints {
    urls: Arc<Mutex<Vec<String>>>,
    turn: usize,
}

impl Endpoints {
    /// Several instances, the first to be tried first.
    pub fn new<T: Into<String>>(urls: impl IntoIterator<Item = T>) -> Self {
        let bases = Self { urls: Arc::default(), turn: 0 };
        bases.set(urls);
        bases
    }

    /// One server.
    pub fn one(url: impl Into<String>) -> Self {
        Self::new([url])
    }

    /// Other places from now on: the next try goes there.
    pub fn set<T: Into<String>>(&self, urls: impl IntoIterator<Item = T>) {
        let plain = |url: T| url.into().trim_end_matches('/').to_owned();
        *self.urls.lock() = urls.into_iter().map(plain).collect();
    }

    /// The place whose turn it is.
    pub fn current(&self) -> String {
        let urls = self.urls.lock();
        let turn = self.turn.checked_rem(urls.len()).unwrap_or_default();
        urls.get(turn).cloned().unwrap_or_default()
    }

    /// The turn of the next one: this one has failed.
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
