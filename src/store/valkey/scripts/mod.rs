//! The Lua scripts, each of which Valkey runs atomically. A script is called by its hash (EVALSHA), and by
//! its text (EVAL) if the server doesn't know it yet.

use std::sync::LazyLock;

use redis::Cmd;

/// A Lua script and its hash.
pub(super) struct Script {
    text: &'static str,
    hashed: redis::Script,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hashed: redis::Script::new(text) }
    }

    /// The call by hash, which fails with NOSCRIPT if the server doesn't know the script.
    pub(super) fn by_hash(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        call("EVALSHA", self.hashed.get_hash(), keys, args)
    }

    /// The call by text. The server keeps the script from then on.
    pub(super) fn by_text(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, keys, args)
    }
}

fn call(command: &str, script: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(script).arg(keys.len()).arg(keys).arg(args);
    call
}

/// Commits a change of a session.
pub(super) static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commit.lua")));
/// Deletes a session.
pub(super) static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("forget.lua")));
/// Reads a state and a page of its events.
pub(super) static PAGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("page.lua")));
/// Claims or frees a join code (compare-and-swap).
pub(super) static SWAP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("swap.lua")));
/// Adds a session to an owner's list.
pub(super) static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("list.lua")));
/// The heartbeat of an instance.
pub(super) static SIGN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("sign.lua")));
/// Performs the writes of a new session, to find out whether the server would refuse one.
pub(super) static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("probe.lua")));
