//! Lists the live sessions of an owner.

use std::ops::Bound;

use ::redb::Range;

use super::OWNERS;
use super::reads::{ReadSnapshot, Reader, guarded};
use super::sweep::RowHead;
use crate::domain::{Owner, SessionId, Timestamp};
use crate::store::error::{StoreError, StoreResult};

type OwnerRows = Range<'static, (&'static str, &'static [u8]), ()>;
type OwnerRow = <OwnerRows as Iterator>::Item;

impl Reader {
    /// At most `limit` live sessions of an owner, in the order of their ids, beginning after `after`. A
    /// session that can't be read is left out, so that the others can be listed.
    pub(super) fn owned(
        &self,
        owner: &Owner,
        after: Option<&SessionId>,
        limit: usize,
        now: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        self.look(|snapshot| {
            let what = || format!("the sessions of {owner}");
            let begin = (owner.clone(), after.cloned().unwrap_or_else(SessionId::first));
            let base = guarded(what, || rows(snapshot, owner, after))?;
            let base = base.map(|row| guarded(what, || key_of(row)));
            let mut keys = snapshot.view.over_owners(base, (Bound::Excluded(begin), Bound::Unbounded));
            let mut owned = Vec::new();
            while owned.len() < limit {
                let Some(key) = guarded(what, || keys.next().transpose())? else { break };
                let (holder, id) = key;
                if holder != *owner {
                    break;
                }
                if self.damaged.known(&id).is_some() {
                    continue;
                }
                match guarded(|| format!("session {id:?}"), || RowHead::of(snapshot, &id)) {
                    Ok(head) => owned.extend(head.filter(|head| head.life.is_live(now)).map(|_| id)),
                    Err(StoreError::Corrupt { what }) => self.damaged.note(&id, &what),
                    Err(error) => return Err(error),
                }
            }
            Ok(owned)
        })
    }
}

fn rows(snapshot: &ReadSnapshot<'_>, owner: &Owner, after: Option<&SessionId>) -> StoreResult<OwnerRows> {
    let table = snapshot.transaction.open_table(OWNERS).map_err(StoreError::unavailable)?;
    let from = match after {
        Some(id) => Bound::Excluded((owner.as_str(), id.as_bytes())),
        None => Bound::Included((owner.as_str(), &[][..])),
    };
    table.range::<(&str, &[u8])>((from, Bound::Unbounded)).map_err(StoreError::unavailable)
}

/// Decodes the key of a row in the owner index.
fn key_of(row: OwnerRow) -> StoreResult<(Owner, SessionId)> {
    let (key, _) = row.map_err(StoreError::unavailable)?;
    let (name, id) = key.value();
    let key = name.parse().ok().zip(SessionId::from_bytes(id));
    key.ok_or_else(|| StoreError::Corrupt { what: "the key of an owner's session".to_owned() })
}
