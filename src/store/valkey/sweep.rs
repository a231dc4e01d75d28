//! Deleting the dead before their keys run out: their space and their join codes come back sooner.

use std::sync::Arc;

use redis::Cmd;
use tokio::task::JoinSet;

use super::engine::Engine;
use super::failure::Failure;
use super::{DEADLINES, limit};
use crate::domain::{SessionId, Timestamp};
use crate::store::contract::Swept;
use crate::store::error::StoreResult;

/// Sessions that are looked at together.
const AT_ONCE: usize = 64;

impl Engine {
    /// Deletes at most `most` dead sessions of the index. Where it is wrong, it is mended.
    pub(super) async fn sweep(self: &Arc<Self>, now: Timestamp, most: usize) -> StoreResult<Swept> {
        self.index.flush(&self.link, limit()).await.map_err(Failure::of_read)?;
        // One more than allowed tells whether there are more.
        let due: Vec<String> =
            self.link.read(&due(now, most.saturating_add(1)), limit()).await.map_err(Failure::of_read)?;
        let mut swept = Swept { deleted: 0, handled: due.len().min(most), more: due.len() > most };
        for part in due[..due.len().min(most)].chunks(AT_ONCE) {
            let mut looking = JoinSet::new();
            for member in part {
                let (engine, member) = (self.clone(), member.clone());
                looking.spawn(async move { engine.sweep_one(&member, now).await });
            }
            while let Some(looked) = looking.join_next().await {
                swept.deleted += usize::from(looked.unwrap_or(Ok(false))?);
            }
        }
        self.index.flush(&self.link, limit()).await.map_err(Failure::of_read)?;
        Ok(swept)
    }

    /// Deletes a session if it is dead; whether it was.
    async fn sweep_one(&self, member: &str, now: Timestamp) -> StoreResult<bool> {
        let until = limit();
        let Ok(id) = member.parse::<SessionId>() else {
            drop(self.link.call::<i64>(redis::cmd("ZREM").arg(DEADLINES).arg(member), until).await);
            return Ok(false);
        };
        match self.state(&id, until).await? {
            None => {
                self.index.forget(&id);
                Ok(false)
            }
            Some(held) if held.state.life.is_live(now) => {
                self.index.note(&id, held.state.life.deadline());
                Ok(false)
            }
            // In this state only: it may just have come again.
            Some(held) => Ok(self.forget(&id, Some(&held), until).await? == Some(true)),
        }
    }
}

fn due(now: Timestamp, most: usize) -> Cmd {
    let mut due = redis::cmd("ZRANGEBYSCORE");
    due.arg(DEADLINES).arg("-inf").arg(now.as_millis()).arg("LIMIT").arg(0).arg(most);
    due
}
