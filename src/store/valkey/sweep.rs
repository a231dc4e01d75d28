//! The sweep: deletes dead sessions before their keys expire, so that memory and join codes are freed sooner.

use std::sync::Arc;

use redis::Cmd;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::failure::Failure;
use super::{DEADLINES, limit};
use crate::domain::{SessionId, Timestamp};
use crate::store::contract::Swept;
use crate::store::error::{StoreError, StoreResult};

/// Maximum number of sessions handled at the same time.
const AT_ONCE: usize = 64;

/// The result for one member of the deadline index.
enum SweptMember {
    /// The session was dead and was deleted. Whether it was a room whose game was not over.
    Deleted { is_unfinished_room: bool },
    /// The index entry was wrong and was corrected.
    Mended,
    /// The session can't be read and was left alone. Its keys expire by themselves.
    Left,
}

impl Engine {
    /// Handles at most `most` members of the index whose deadline has passed: deletes dead sessions and
    /// corrects wrong entries. Sessions that can't be read are skipped and don't count, however many there
    /// are.
    pub(super) async fn sweep(self: &Arc<Self>, now: Timestamp, most: usize) -> StoreResult<Swept> {
        let (mut swept, mut looked, mut left) = (Swept::default(), 0, 0);
        loop {
            // Write the pending entries first: sessions with a newer, later deadline must not be read as due.
            self.write_index().await?;
            // Read one more than allowed, to learn whether there are more.
            let page = most - looked + 1;
            let due: Vec<String> = self.link.read(&due(now, left, page), limit()).await.map_err(Failure::of_read)?;
            let is_last = due.len() < page;
            for part in due[..due.len().min(page - 1)].chunks(AT_ONCE) {
                let mut looking = JoinSet::new();
                for member in part {
                    let (engine, member) = (self.clone(), member.clone());
                    looking.spawn(async move { engine.sweep_one(&member, now).await });
                }
                while let Some(one) = looking.join_next().await {
                    match one.unwrap_or(Ok(SweptMember::Left))? {
                        SweptMember::Deleted { is_unfinished_room } => {
                            (swept.deleted, looked) = (swept.deleted + 1, looked + 1);
                            swept.unfinished_rooms += usize::from(is_unfinished_room);
                        }
                        SweptMember::Mended => looked += 1,
                        SweptMember::Left => left += 1,
                    }
                }
            }
            swept.handled = looked;
            swept.more = !is_last && looked >= most;
            if is_last || swept.more {
                break;
            }
        }
        // If the index could not be written, the next sweep would find the same members at once, so don't ask
        // for it.
        swept.more &= self.write_index().await?;
        Ok(swept)
    }

    /// Writes the pending index changes. Returns false if memory is full, which is no reason to stop:
    /// deleting sessions is what helps.
    async fn write_index(&self) -> StoreResult<bool> {
        match self.index.flush(&self.link, limit()).await {
            Ok(()) => Ok(true),
            Err(Failure::Full) => Ok(false),
            Err(failure) => Err(failure.of_read()),
        }
    }

    /// Handles one member of the index.
    async fn sweep_one(&self, member: &str, now: Timestamp) -> StoreResult<SweptMember> {
        let until = limit();
        let Ok(id) = member.parse::<SessionId>() else {
            drop(self.link.call::<i64>(redis::cmd("ZREM").arg(DEADLINES).arg(member), until).await);
            return Ok(SweptMember::Mended);
        };
        match self.state(&id, until).await {
            Ok(None) => {
                self.index.forget(&id);
                Ok(SweptMember::Mended)
            }
            Ok(Some(held)) if held.state.life.is_live(now) => {
                self.index.note(&id, held.state.life.deadline());
                Ok(SweptMember::Mended)
            }
            // Delete it only in this state: a new session with this id may just have been stored.
            Ok(Some(held)) => {
                let is_deleted = self.forget(&id, Some(&held), until).await? == Some(true);
                let is_unfinished_room = held.state.is_unfinished_room();
                Ok(if is_deleted { SweptMember::Deleted { is_unfinished_room } } else { SweptMember::Mended })
            }
            Err(StoreError::Corrupt { .. }) => Ok(SweptMember::Left),
            Err(error) => Err(error),
        }
    }
}

/// The command that reads at most `most` members whose deadline has passed, after skipping `left` of them.
fn due(now: Timestamp, left: usize, most: usize) -> Cmd {
    let mut due = redis::cmd("ZRANGEBYSCORE");
    due.arg(DEADLINES).arg("-inf").arg(now.as_millis()).arg("LIMIT").arg(left).arg(most);
    due
}
