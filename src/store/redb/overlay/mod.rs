//! The overlay: rows that are committed to the log and may not be in redb yet. Readers and the writer look
//! here first, then in the tables. The upper layer takes new commits. The lower layer, if there is one, is
//! being checkpointed into redb.
//!
//! Invariant: a view shows one point in time and never changes. The writer publishes a new one after each
//! commit.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use rpds::RedBlackTreeMapSync;

use super::expired_count::ExpiryEntry;
use super::quizzes::QuestionName;
use super::row_changes::{EventRow, Op, QuestionRow, SessionRow};
use crate::domain::{JoinCode, Owner, Sequence, SessionId, Timestamp};
use crate::store::error::StoreResult;

/// The rows of a table by key. A clone shares them, so a new view costs little.
type Map<K, V> = rpds::HashTrieMapSync<K, V, foldhash::fast::RandomState>;
/// Whether an index has this entry. `false` hides an entry of the layer below or of the table.
type IsThere = bool;
/// The key of an entry in the owner index.
type OwnerKey = (Owner, SessionId);
/// An entry in the index of question ends: until when a question is kept, and its name.
pub(super) type QuestionEnd = (Timestamp, QuestionName);
/// Entries of one layer in the order of their keys.
type LayerEntries<'v, K> = Box<dyn Iterator<Item = (K, IsThere)> + 'v>;

/// The rows that some batches changed, each in its latest state. `None` and `false` mark removed rows.
#[derive(Clone, Default)]
pub(super) struct Layer {
    pub(super) sessions: Map<SessionId, Option<SessionRow>>,
    pub(super) quizzes: Map<SessionId, Option<Arc<[u8]>>>,
    pub(super) questions: Map<QuestionName, Option<QuestionRow>>,
    pub(super) question_ends: RedBlackTreeMapSync<QuestionEnd, IsThere>,
    pub(super) expiry_index: RedBlackTreeMapSync<ExpiryEntry, IsThere>,
    pub(super) events: RedBlackTreeMapSync<(SessionId, Sequence), Arc<EventRow>>,
    /// The last sequence of each session whose events below this layer are removed, with all before it.
    pub(super) pruned: Map<SessionId, Sequence>,
    pub(super) joins: Map<JoinCode, Option<SessionId>>,
    pub(super) owners: RedBlackTreeMapSync<OwnerKey, IsThere>,
    /// How many sessions the layer adds, less those that it removes.
    pub(super) added: i64,
}

impl Layer {
    /// Whether the layer changes no row.
    pub(super) fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Applies one row change.
    pub(super) fn apply(&mut self, op: Op) {
        match op {
            Op::PutSession { id, row, is_added } => {
                self.added += i64::from(is_added);
                self.sessions.insert_mut(id, Some(row));
            }
            Op::RemoveSession(id) => {
                self.added -= 1;
                self.sessions.insert_mut(id, None);
            }
            Op::PutQuiz(id, record) => self.quizzes.insert_mut(id, Some(record)),
            Op::RemoveQuiz(id) => self.quizzes.insert_mut(id, None),
            Op::PutQuestion(name, row) => self.questions.insert_mut(name, Some(row)),
            Op::RemoveQuestion(name) => self.questions.insert_mut(name, None),
            Op::PutQuestionEnd(until, name) => self.question_ends.insert_mut((until, name), true),
            Op::RemoveQuestionEnd(until, name) => self.question_ends.insert_mut((until, name), false),
            Op::PutExpiry(time, id) => self.expiry_index.insert_mut((time, id), true),
            Op::RemoveExpiry(time, id) => self.expiry_index.insert_mut((time, id), false),
            Op::PutEvent(id, row) => self.events.insert_mut((id, row.event.sequence), row),
            Op::Prune(id, through) => self.prune(id, Sequence(through)),
            Op::PutJoin(code, id) => self.joins.insert_mut(code, Some(id)),
            Op::RemoveJoin(code) => self.joins.insert_mut(code, None),
            Op::PutOwner(owner, id) => self.owners.insert_mut((owner, id), true),
            Op::RemoveOwner(owner, id) => self.owners.insert_mut((owner, id), false),
        }
    }

    fn prune(&mut self, id: SessionId, through: Sequence) {
        let own = self.events.range((id.clone(), Sequence(0))..=(id.clone(), through));
        let own: Vec<_> = own.map(|(key, _)| key.clone()).collect();
        own.iter().for_each(|key| {
            self.events.remove_mut(key);
        });
        let before = self.pruned.get(&id).copied().unwrap_or_default();
        self.pruned.insert_mut(id, before.max(through));
    }

    /// The number of rows that the layer changes.
    pub(super) fn rows(&self) -> usize {
        let questions = self.questions.size() + self.question_ends.size();
        let indexes = self.expiry_index.size() + self.events.size() + self.owners.size() + questions;
        self.sessions.size() + self.quizzes.size() + self.pruned.size() + self.joins.size() + indexes
    }

    /// The row changes that make an equal layer, without its count of added sessions. The changes of each
    /// table are in the order of its keys, because neighbouring keys share pages. Prunes come before events:
    /// a prune applied later would remove events that the layer has.
    pub(super) fn ops(&self) -> Vec<Op> {
        let mut ops = Vec::with_capacity(self.rows());
        ops.extend(sorted(&self.pruned).map(|(id, through)| Op::Prune(id.clone(), through.0)));
        ops.extend(sorted(&self.sessions).map(|(id, row)| match row {
            Some(row) => Op::PutSession { id: id.clone(), row: row.clone(), is_added: false },
            None => Op::RemoveSession(id.clone()),
        }));
        ops.extend(sorted(&self.quizzes).map(|(id, record)| match record {
            Some(record) => Op::PutQuiz(id.clone(), record.clone()),
            None => Op::RemoveQuiz(id.clone()),
        }));
        ops.extend(sorted(&self.questions).map(|(name, row)| match row {
            Some(row) => Op::PutQuestion(*name, row.clone()),
            None => Op::RemoveQuestion(*name),
        }));
        ops.extend(self.question_ends.iter().map(|((until, name), is_there)| match is_there {
            true => Op::PutQuestionEnd(*until, *name),
            false => Op::RemoveQuestionEnd(*until, *name),
        }));
        ops.extend(self.expiry_index.iter().map(|((time, id), is_there)| match is_there {
            true => Op::PutExpiry(*time, id.clone()),
            false => Op::RemoveExpiry(*time, id.clone()),
        }));
        ops.extend(self.events.iter().map(|((id, _), row)| Op::PutEvent(id.clone(), row.clone())));
        ops.extend(sorted(&self.joins).map(|(code, holder)| match holder {
            Some(id) => Op::PutJoin(code.clone(), id.clone()),
            None => Op::RemoveJoin(code.clone()),
        }));
        ops.extend(self.owners.iter().map(|((owner, id), is_there)| match is_there {
            true => Op::PutOwner(owner.clone(), id.clone()),
            false => Op::RemoveOwner(owner.clone(), id.clone()),
        }));
        ops
    }

    /// The same rows in layers of at most `most` rows each. The parts count no added sessions.
    pub(super) fn parts(&self, most: usize) -> Vec<Self> {
        let part = |ops: &[Op]| {
            let mut part = Self::default();
            ops.iter().for_each(|op| part.apply(op.clone()));
            Self { added: 0, ..part }
        };
        self.ops().chunks(most).map(part).collect()
    }

    /// Puts the rows of a later layer over the rows of this one.
    pub(super) fn cover(&mut self, upper: &Self) {
        let added = self.added + upper.added;
        // `apply` counts removals but `ops` marks no session as added, so the sum is set afterwards.
        upper.ops().into_iter().for_each(|op| self.apply(op));
        self.added = added;
    }
}

/// The entries of a map in the order of their keys.
fn sorted<K: Ord + std::hash::Hash, V>(map: &Map<K, V>) -> impl Iterator<Item = (&K, &V)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.into_iter()
}

/// What is committed and may not be in redb yet, at one point in time.
#[derive(Clone, Default)]
pub(super) struct OverlayView {
    /// Rows committed since the last checkpoint began.
    pub(super) upper: Layer,
    /// The layer that is being checkpointed into redb, and the number of its last batch.
    pub(super) lower: Option<(Arc<Layer>, u64)>,
    /// The number of the last committed batch.
    pub(super) batch: u64,
}

impl OverlayView {
    /// Whether redb holds everything that is committed.
    pub(super) fn is_empty(&self) -> bool {
        self.lower.is_none() && self.upper.is_empty()
    }

    /// How many sessions the view adds to tables that hold every batch up to `in_tables`. A layer whose last
    /// batch the tables hold adds none: a checkpoint may have written it since the view was taken.
    pub(super) fn added(&self, in_tables: u64) -> i64 {
        let upper = Some((&self.upper, self.batch));
        let lower = self.lower.as_ref().map(|(layer, batch)| (&**layer, *batch));
        let beyond = upper.into_iter().chain(lower).filter(|(_, batch)| in_tables < *batch);
        beyond.map(|(layer, _)| layer.added).sum()
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.upper).chain(self.lower.as_ref().map(|(layer, _)| &**layer))
    }

    /// A session's row: `None` if the overlay does not know it, `Some(None)` if it is removed.
    pub(super) fn session(&self, id: &SessionId) -> Option<Option<&SessionRow>> {
        self.layers().find_map(|layer| layer.sessions.get(id)).map(Option::as_ref)
    }

    /// A session's quiz record: `None` if the overlay does not know it, `Some(None)` if it is removed.
    pub(super) fn quiz(&self, id: &SessionId) -> Option<Option<&Arc<[u8]>>> {
        self.layers().find_map(|layer| layer.quizzes.get(id)).map(Option::as_ref)
    }

    /// A question's row: `None` if the overlay does not know it, `Some(None)` if it is removed.
    pub(super) fn question(&self, name: &QuestionName) -> Option<Option<&QuestionRow>> {
        self.layers().find_map(|layer| layer.questions.get(name)).map(Option::as_ref)
    }

    /// Merges `base`, rows of redb's index of question ends, with those of the overlay.
    pub(super) fn over_question_ends<'v>(
        &'v self,
        base: impl Iterator<Item = StoreResult<QuestionEnd>> + 'v,
        range: (Bound<QuestionEnd>, Bound<QuestionEnd>),
    ) -> Merged<'v, QuestionEnd> {
        let rows = self.layers().map(|layer| entries(layer.question_ends.range(range)));
        Merged::new(base, rows)
    }

    /// The holder of a join code: `None` if the overlay does not know it, `Some(None)` if the code is free.
    pub(super) fn holder(&self, code: &JoinCode) -> Option<Option<&SessionId>> {
        self.layers().find_map(|layer| layer.joins.get(code)).map(Option::as_ref)
    }

    /// Whether the expiry index has this entry; `None` if the overlay does not know.
    pub(super) fn has_expiry_entry(&self, index_time: &ExpiryEntry) -> Option<IsThere> {
        self.layers().find_map(|layer| layer.expiry_index.get(index_time)).copied()
    }

    /// The events of a session from `first` on that are in the overlay, in order; and the sequence from which
    /// on events in redb are not pruned.
    pub(super) fn events(&self, id: &SessionId, first: Sequence) -> (Vec<&Arc<EventRow>>, Sequence) {
        let (mut events, mut cut) = (Vec::new(), Sequence(0));
        for layer in self.layers() {
            // From the upper layer down: events up to `cut` are pruned by a layer above.
            let from = first.max(Sequence(cut.0.saturating_add(1)));
            let range = (Bound::Included((id.clone(), from)), Bound::Included((id.clone(), Sequence(u64::MAX))));
            if cut.0 < u64::MAX {
                events.extend(layer.events.range(range).map(|(_, row)| row));
            }
            cut = cut.max(layer.pruned.get(id).copied().unwrap_or_default());
        }
        // The sort is stable and the upper layer came first: its row stays if both layers have the event.
        events.sort_by_key(|row| row.event.sequence);
        events.dedup_by_key(|row| row.event.sequence);
        (events, first.max(Sequence(cut.0.saturating_add(1))))
    }

    /// Merges `base`, rows of redb's expiry index, with those of the overlay.
    pub(super) fn over_expiry_index<'v>(
        &'v self,
        base: impl Iterator<Item = StoreResult<ExpiryEntry>> + 'v,
        range: (Bound<ExpiryEntry>, Bound<ExpiryEntry>),
    ) -> Merged<'v, ExpiryEntry> {
        let rows = self.layers().map(|layer| entries(layer.expiry_index.range(range.clone())));
        Merged::new(base, rows)
    }

    /// Merges `base`, rows of redb's owner index, with those of the overlay.
    pub(super) fn over_owners<'v>(
        &'v self,
        base: impl Iterator<Item = StoreResult<OwnerKey>> + 'v,
        range: (Bound<OwnerKey>, Bound<OwnerKey>),
    ) -> Merged<'v, OwnerKey> {
        let rows = self.layers().map(|layer| entries(layer.owners.range(range.clone())));
        Merged::new(base, rows)
    }

    /// Merges `base`, the ids of redb's sessions in order, with those of the overlay after `after`.
    pub(super) fn over_ids<'v>(
        &'v self,
        base: impl Iterator<Item = StoreResult<SessionId>> + 'v,
        after: Option<&SessionId>,
    ) -> Merged<'v, SessionId> {
        let rows = self.layers().map(|layer| {
            let ids = layer.sessions.iter().filter(|(id, _)| after.is_none_or(|after| *id > after));
            let mut ids: Vec<_> = ids.map(|(id, row)| (id.clone(), row.is_some())).collect();
            ids.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            let ids: LayerEntries<'v, SessionId> = Box::new(ids.into_iter());
            ids
        });
        Merged::new(base, rows)
    }
}

fn entries<'v, K: Clone + 'v>(rows: impl Iterator<Item = (&'v K, &'v IsThere)> + 'v) -> LayerEntries<'v, K> {
    Box::new(rows.map(|(key, is_there)| (key.clone(), *is_there)))
}

type Peekable<T> = std::iter::Peekable<T>;

/// The keys of a table in order, merged with the layers over it. The uppermost layer that knows a key decides
/// whether it is there.
pub(super) struct Merged<'v, K> {
    base: Peekable<Box<dyn Iterator<Item = StoreResult<K>> + 'v>>,
    layers: Vec<Peekable<LayerEntries<'v, K>>>,
}

impl<'v, K: Ord + Clone> Merged<'v, K> {
    fn new(base: impl Iterator<Item = StoreResult<K>> + 'v, layers: impl Iterator<Item = LayerEntries<'v, K>>) -> Self {
        let base: Box<dyn Iterator<Item = StoreResult<K>> + 'v> = Box::new(base);
        Self { base: base.peekable(), layers: layers.map(Iterator::peekable).collect() }
    }

    /// The smallest of the next keys of the table and of all layers.
    fn next_key(&mut self) -> Option<K> {
        let base = self.base.peek().and_then(|row| row.as_ref().ok()).cloned();
        let layers = self.layers.iter_mut().filter_map(|rows| rows.peek().map(|(key, _)| key.clone()));
        layers.chain(base).min()
    }
}

impl<K: Ord + Clone> Iterator for Merged<'_, K> {
    type Item = StoreResult<K>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.base.next_if(Result::is_err) {
                return Some(error);
            }
            let key = self.next_key()?;
            let in_base = self.base.next_if(|row| row.as_ref().is_ok_and(|row| *row == key)).is_some();
            let mut decided = None;
            for rows in &mut self.layers {
                let here = rows.next_if(|(row, _)| *row == key).map(|(_, is_there)| is_there);
                decided = decided.or(here);
            }
            if decided.unwrap_or(in_base) {
                return Some(Ok(key));
            }
        }
    }
}

/// Holds the newest view for the readers.
#[derive(Default)]
pub(super) struct Overlay {
    view: RwLock<Arc<OverlayView>>,
    /// The last batch whose checkpoint has begun: the tables may hold every batch up to it.
    checkpointed: AtomicU64,
}

impl Overlay {
    /// The view that was published last.
    pub(super) fn view(&self) -> Arc<OverlayView> {
        self.view.read().clone()
    }

    /// Makes `view` the one that readers get from now on.
    pub(super) fn publish(&self, view: OverlayView) {
        let next = Arc::new(view);
        let last = std::mem::replace(&mut *self.view.write(), next);
        // Dropped after the lock is released: to free many rows takes time, and readers need the lock.
        drop(last);
    }

    /// From now on the tables may hold every batch up to this one. Must be called before the checkpoint
    /// writes to them, and after a view that contains the batch was published.
    pub(super) fn begin_checkpoint(&self, batch: u64) {
        self.checkpointed.fetch_max(batch, Ordering::SeqCst);
    }

    /// Whether tables that were opened after `view` was taken can be read together with it. If so, they hold
    /// no batch that is newer than the view.
    pub(super) fn fits(&self, view: &OverlayView) -> bool {
        self.checkpointed.load(Ordering::SeqCst) <= view.batch
    }
}

#[cfg(test)]
mod tests;
