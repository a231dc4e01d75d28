//! Which part of a cluster is away. What goes there is refused at once: the client would try again
//! and again, and hold up what goes to the other parts meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use redis::cluster_routing::Slot;
use redis::{Arg, Cmd, RedisResult};
use tokio::task::JoinSet;

use super::connect::{Shard, ValkeyConnection};
use super::failure::{Failure, LinkVerdict};
use super::{UP, UP_FOR};

/// The slots of shards that take no writes.
pub(super) type Away = HashSet<Slot>;

/// Where a command goes: scripts by their first key, other commands by their only one.
pub(super) fn slot_of(command: &Cmd) -> Option<Slot> {
    let mut words = command.args_iter().map(|arg| match arg {
        Arg::Simple(word) => word,
        _ => &[],
    });
    let is_script = words.next()?.starts_with(b"EVAL");
    let key = if is_script { words.nth(2) } else { words.next() };
    key.map(Slot::for_key)
}

/// The parts of a cluster.
pub(super) struct ClusterView {
    pub(super) away: Away,
    /// A name in each part that is there, for the keys of its probe.
    pub(super) probes: Vec<String>,
}

/// Writes to each shard on a connection that was just made, and gives the slots of those that are away.
///
/// # Errors
/// No shard is there, or none knows the others.
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

/// The slots of a shard.
pub(super) fn slots(shard: &Shard) -> HashSet<Slot> {
    shard.ranges.iter().flat_map(|(first, last)| *first..=*last).filter_map(Slot::new).collect()
}

/// A name by this pattern that lies in these slots; any, if there are none.
fn name_in(name: &str, slots: &Away) -> Option<String> {
    let is_in = |key: &String| slots.is_empty() || slots.contains(&Slot::for_key(key));
    (0_u32..).map(|n| format!("{name}:{n}")).find(is_in)
}

/// Writes a mark that lies in these slots.
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
