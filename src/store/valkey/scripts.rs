//! What Valkey does in one step: each a Lua script, run by its hash, and by its text where the
//! server has not met it yet.

use std::sync::LazyLock;

use redis::Cmd;

/// A Lua script.
pub(super) struct Script {
    text: &'static str,
    hashed: redis::Script,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hashed: redis::Script::new(text) }
    }

    /// The call by hash.
    pub(super) fn by_hash(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        call("EVALSHA", self.hashed.get_hash(), keys, args)
    }

    /// The same call by text, which the server keeps from then on.
    pub(super) fn by_text(&self, keys: &[&str], args: &[&[u8]]) -> Cmd {
        call("EVAL", self.text, keys, args)
    }
}

fn call(command: &str, script: &str, keys: &[&str], args: &[&[u8]]) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(script).arg(keys.len()).arg(keys).arg(args);
    call
}

/// One atomic step of a session.
pub(super) static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/commit.lua")));
/// Forgetting a session.
pub(super) static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/forget.lua")));
/// A page of a session's events.
pub(super) static PAGE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/page.lua")));
/// Claiming and freeing a join code.
pub(super) static SWAP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/swap.lua")));
/// Listing a session of an owner's.
pub(super) static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/list.lua")));
/// An instance's sign of life.
pub(super) static SIGN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/sign.lua")));
/// What would refuse a new session.
pub(super) static PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/probe.lua")));
