//! Deleting the dead before their keys run out: their space and their join codes come back sooner.

use std::sync::Arc;

use redis::Cmd;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::failure::Failure;
use super::{DEADLINES, limit};
use crate::domain::{SessionId, Timestamp};
use crate::store::contract::Swept;
use crate::store::error::{StoreError, StoreResult};

/// Sessions that are looked at together.
const AT_ONCE: usize = 64;

/// What became of a member of the index.
enum SweptMember {
    /// It was dead, and was deleted.
    Deleted,
    /// The index was wrong, and is mended.
    Mended,
    /// It stays where it is: it can't be read. Its keys run out by themselves.
    Left,
}

impl Engine {
    /// Deletes dead sessions of the index, and looks at `most` at most. Where it is wrong, it is mended.
    /// What can't be read is passed over, however much there is of it.
    pub(super) async fn sweep(self: &Arc<Self>, now: Timestamp, most: usize) -> StoreResult<Swept> {
        let (mut swept, mut looked, mut left) = (Swept::default(), 0, 0);
        loop {
            self.write_index().await?;
            // One more than allowed tells whether there are more.
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
                        SweptMember::Deleted => (swept.deleted, looked) = (swept.deleted + 1, looked + 1),
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
        // What the index has not taken would be met again at once.
        swept.more &= self.write_index().await?;
        Ok(swept)
    }

    /// Writes the index; whether it took all. Where memory is full it doesn't, and to delete is what
    /// helps.
    async fn write_index(&self) -> StoreResult<bool> {
        match self.index.flush(&self.link, limit()).await {
            Ok(()) => Ok(true),
            Err(Failure::Full) => Ok(false),
            Err(failure) => Err(failure.of_read()),
        }
    }

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
            // In this state only: it may just have come again.
            Ok(Some(held)) => {
                let is_deleted = self.forget(&id, Some(&held), until).await? == Some(true);
                Ok(if is_deleted { SweptMember::Deleted } else { SweptMember::Mended })
            }
            Err(StoreError::Corrupt { .. }) => Ok(SweptMember::Left),
            Err(error) => Err(error),
        }
    }
}

/// At most `most` members whose deadline is over, after `left` of them.
fn due(now: Timestamp, left: usize, most: usize) -> Cmd {
    let mut due = redis::cmd("ZRANGEBYSCORE");
    due.arg(DEADLINES).arg("-inf").arg(now.as_millis()).arg("LIMIT").arg(left).arg(most);
    due
}
