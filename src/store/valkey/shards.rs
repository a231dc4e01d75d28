//! Finds the shards of a cluster that are away. Commands for them are refused at once, because the client
//! would retry them repeatedly and meanwhile delay the commands for other shards.

use std::collections::HashSet;
use std::time::Duration;

use redis::cluster_routing::Slot;
use redis::{Arg, Cmd, RedisResult};
use tokio::task::JoinSet;

use super::connect::{Shard, ValkeyConnection};
use super::failure::{Failure, LinkVerdict};
use super::{UP, UP_FOR};

/// The slots of shards that are away. A shard is away if a write to it gets no answer, or an error that means
/// that it doesn't serve; a refusal such as OOM is an answer.
pub(super) type Away = HashSet<Slot>;

/// The slot of a command: that of a script's first key, or of another command's only key. `None` without a
/// key.
pub(super) fn slot_of(command: &Cmd) -> Option<Slot> {
    let mut words = command.args_iter().map(|arg| match arg {
        Arg::Simple(word) => word,
        _ => &[],
    });
    let is_script = words.next()?.starts_with(b"EVAL");
    let key = if is_script { words.nth(2) } else { words.next() };
    key.map(Slot::for_key)
}

/// The result of probing all shards of a cluster.
pub(super) struct ClusterView {
    pub(super) away: Away,
    /// A key name in each reachable shard, for further probe writes.
    pub(super) probes: Vec<String>,
}

/// Writes to all shards at the same time, through a connection that was just opened, and returns which of
/// them are away.
///
/// # Errors
/// No shard is reachable, or the slot map can't be read.
pub(super) async fn look(connection: &mut ValkeyConnection, patience: Duration) -> RedisResult<ClusterView> {
    let mut looking = JoinSet::new();
    for shard in connection.shards().await? {
        let mut connection = connection.clone();
        looking.spawn(async move {
            let slots = slots(&shard);
            let written = tokio::time::timeout(patience, write(&mut connection, &slots)).await;
            (slots, written.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())))
        });
    }
    let (mut away, mut probes, mut failure) = (Away::new(), Vec::new(), None);
    while let Some(looked) = looking.join_next().await {
        let Ok((slots, written)) = looked else { continue };
        match written {
            Err(error) if Failure::of(error.clone(), true).1 != LinkVerdict::Answered => {
                away.extend(slots);
                failure = Some(error);
            }
            _ => probes.extend(name_in("session:probe", &slots)),
        }
    }
    match failure {
        Some(error) if probes.is_empty() => Err(error),
        _ => Ok(ClusterView { away, probes }),
    }
}

/// The set of slots that a shard serves.
pub(super) fn slots(shard: &Shard) -> HashSet<Slot> {
    shard.ranges.iter().flat_map(|(first, last)| *first..=*last).filter_map(Slot::new).collect()
}

/// A key name `<name>:<n>` that is in one of these slots. If there are no slots, any such name.
fn name_in(name: &str, slots: &Away) -> Option<String> {
    let is_in = |key: &String| slots.is_empty() || slots.contains(&Slot::for_key(key));
    (0_u32..).map(|n| format!("{name}:{n}")).find(is_in)
}

/// Writes a short-lived key that is in one of these slots.
async fn write(connection: &mut ValkeyConnection, slots: &Away) -> RedisResult<()> {
    let mut write = redis::cmd("SET");
    write.arg(name_in(UP, slots)).arg(1).arg("PX").arg(UP_FOR);
    connection.query_fresh(&write).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_goes_where_its_key_lies() {
        let slot = Some(Slot::for_key("session:x"));
        assert_eq!(slot_of(redis::cmd("GET").arg("session:x")), slot);
        assert_eq!(slot_of(redis::cmd("GET").arg("{session:x}:quiz")), slot);
        assert_eq!(slot_of(redis::cmd("EVALSHA").arg("abc").arg(2).arg("session:x").arg("{session:x}:ev")), slot);
        assert_eq!(slot_of(&redis::cmd("TIME")), None);
    }
}
