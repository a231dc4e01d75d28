//! What is committed to the log and not yet in redb: the newest rows, which readers and the writer look
//! into before they look into the tables. One layer takes what is committed; the one below it, if there
//! is one, is being checkpointed into redb.
//!
//! A view is one moment and never changes: the writer publishes the next one.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use rpds::RedBlackTreeMapSync;

use super::counter::ExpiryEntry;
use super::ops::{EventRow, Op, QuestionRow, SessionRow};
use super::quizzes::QuestionName;
use crate::domain::{JoinCode, Owner, Sequence, SessionId, Timestamp};
use crate::store::error::StoreResult;

/// A table's rows by their keys.
type Map<K, V> = rpds::HashTrieMapSync<K, V, foldhash::fast::RandomState>;
/// Whether an entry of an index is there.
type IsThere = bool;
/// An entry of the index of owners.
type OwnerKey = (Owner, SessionId);
/// An entry of the index of questions: until when one is kept.
pub(super) type QuestionEnd = (Timestamp, QuestionName);
/// Entries of one layer, in order.
type LayerEntries<'v, K> = Box<dyn Iterator<Item = (K, IsThere)> + 'v>;

/// The rows that some batches changed, in one state of each. `None` and `false` are rows removed.
#[derive(Clone, Default)]
pub(super) struct Layer {
    pub(super) sessions: Map<SessionId, Option<SessionRow>>,
    pub(super) quizzes: Map<SessionId, Option<Arc<[u8]>>>,
    pub(super) questions: Map<QuestionName, Option<QuestionRow>>,
    pub(super) question_ends: RedBlackTreeMapSync<QuestionEnd, IsThere>,
    pub(super) expiry_index: RedBlackTreeMapSync<ExpiryEntry, IsThere>,
    pub(super) events: RedBlackTreeMapSync<(SessionId, Sequence), Arc<EventRow>>,
    /// Up to where events below this layer are removed.
    pub(super) pruned: Map<SessionId, Sequence>,
    pub(super) joins: Map<JoinCode, Option<SessionId>>,
    pub(super) owners: RedBlackTreeMapSync<OwnerKey, IsThere>,
    /// How many sessions more there are with it than without.
    pub(super) added: i64,
}

impl Layer {
    /// Whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Makes one change.
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

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        let questions = self.questions.size() + self.question_ends.size();
        let indexes = self.expiry_index.size() + self.events.size() + self.owners.size() + questions;
        self.sessions.size() + self.quizzes.size() + self.pruned.size() + self.joins.size() + indexes
    }

    /// The changes that make a layer like this, those of each table in the order of its keys: neighbours share
    /// pages. Events are pruned before others come.
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

    /// The same rows in layers of at most so many.
    pub(super) fn parts(&self, most: usize) -> Vec<Self> {
        let part = |ops: &[Op]| {
            let mut part = Self::default();
            ops.iter().for_each(|op| part.apply(op.clone()));
            Self { added: 0, ..part }
        };
        self.ops().chunks(most).map(part).collect()
    }

    /// Puts the rows of a later layer over its own.
    pub(super) fn cover(&mut self, upper: &Self) {
        let added = self.added + upper.added;
        upper.ops().into_iter().for_each(|op| self.apply(op));
        self.added = added;
    }
}

/// A map's entries by their keys.
fn sorted<K: Ord + std::hash::Hash, V>(map: &Map<K, V>) -> impl Iterator<Item = (&K, &V)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.into_iter()
}

/// What is committed and perhaps not yet in redb, at one moment.
#[derive(Clone, Default)]
pub(super) struct OverlayView {
    /// What is committed now.
    pub(super) upper: Layer,
    /// What is being checkpointed into redb, and the last batch of it.
    pub(super) lower: Option<(Arc<Layer>, u64)>,
    /// The last batch that is committed.
    pub(super) batch: u64,
}

impl OverlayView {
    /// Whether redb holds all that there is.
    pub(super) fn is_empty(&self) -> bool {
        self.lower.is_none() && self.upper.is_empty()
    }

    /// How many sessions more there are with it than in tables that hold what was committed up to this batch. A
    /// checkpoint may have written either layer there since the view was taken.
    pub(super) fn added(&self, in_tables: u64) -> i64 {
        let upper = Some((&self.upper, self.batch));
        let lower = self.lower.as_ref().map(|(layer, batch)| (&**layer, *batch));
        let beyond = upper.into_iter().chain(lower).filter(|(_, batch)| in_tables < *batch);
        beyond.map(|(layer, _)| layer.added).sum()
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::once(&self.upper).chain(self.lower.as_ref().map(|(layer, _)| &**layer))
    }

    /// A session's row, if it is here; `Some(None)` if it is removed.
    pub(super) fn session(&self, id: &SessionId) -> Option<Option<&SessionRow>> {
        self.layers().find_map(|layer| layer.sessions.get(id)).map(Option::as_ref)
    }

    /// A quiz's record, if it is here; `Some(None)` if it is removed.
    pub(super) fn quiz(&self, id: &SessionId) -> Option<Option<&Arc<[u8]>>> {
        self.layers().find_map(|layer| layer.quizzes.get(id)).map(Option::as_ref)
    }

    /// A question's row, if it is here; `Some(None)` if it is removed.
    pub(super) fn question(&self, name: &QuestionName) -> Option<Option<&QuestionRow>> {
        self.layers().find_map(|layer| layer.questions.get(name)).map(Option::as_ref)
    }

    /// These rows of redb's index of questions' ends, with what is here.
    pub(super) fn over_question_ends<'v>(
        &'v self,
        base: impl Iterator<Item = StoreResult<QuestionEnd>> + 'v,
        range: (Bound<QuestionEnd>, Bound<QuestionEnd>),
    ) -> Merged<'v, QuestionEnd> {
        let rows = self.layers().map(|layer| entries(layer.question_ends.range(range)));
        Merged::new(base, rows)
    }

    /// Whose a join code is, if that is here.
    pub(super) fn holder(&self, code: &JoinCode) -> Option<Option<&SessionId>> {
        self.layers().find_map(|layer| layer.joins.get(code)).map(Option::as_ref)
    }

    /// Whether the index has this entry, if that is here.
    pub(super) fn has_expiry_entry(&self, index_time: &ExpiryEntry) -> Option<IsThere> {
        self.layers().find_map(|layer| layer.expiry_index.get(index_time)).copied()
    }

    /// A session's events from `first` on that are here, in order; and from which number on those in redb
    /// are still there.
    pub(super) fn events(&self, id: &SessionId, first: Sequence) -> (Vec<&Arc<EventRow>>, Sequence) {
        let (mut events, mut cut) = (Vec::new(), Sequence(0));
        for layer in self.layers() {
            let from = first.max(Sequence(cut.0.saturating_add(1)));
            let range = (Bound::Included((id.clone(), from)), Bound::Included((id.clone(), Sequence(u64::MAX))));
            if cut.0 < u64::MAX {
                events.extend(layer.events.range(range).map(|(_, row)| row));
            }
            cut = cut.max(layer.pruned.get(id).copied().unwrap_or_default());
        }
        // Of one that both have the upper layer's comes first, and stays.
        events.sort_by_key(|row| row.event.sequence);
        events.dedup_by_key(|row| row.event.sequence);
        (events, first.max(Sequence(cut.0.saturating_add(1))))
    }

    /// These rows of redb's index of deadlines, with what is here.
    pub(super) fn over_expiry_index<'v>(
        &'v self,
        base: impl Iterator<Item = StoreResult<ExpiryEntry>> + 'v,
        range: (Bound<ExpiryEntry>, Bound<ExpiryEntry>),
    ) -> Merged<'v, ExpiryEntry> {
        let rows = self.layers().map(|layer| entries(layer.expiry_index.range(range.clone())));
        Merged::new(base, rows)
    }

    /// These rows of redb's index of owners, with what is here.
    pub(super) fn over_owners<'v>(
        &'v self,
        base: impl Iterator<Item = StoreResult<OwnerKey>> + 'v,
        range: (Bound<OwnerKey>, Bound<OwnerKey>),
    ) -> Merged<'v, OwnerKey> {
        let rows = self.layers().map(|layer| entries(layer.owners.range(range.clone())));
        Merged::new(base, rows)
    }

    /// The ids of redb's sessions, in order from some one on, with what is here after `after`.
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

/// The keys of a table in their order, with layers over it: the uppermost that knows a key decides.
pub(super) struct Merged<'v, K> {
    base: Peekable<Box<dyn Iterator<Item = StoreResult<K>> + 'v>>,
    layers: Vec<Peekable<LayerEntries<'v, K>>>,
}

impl<'v, K: Ord + Clone> Merged<'v, K> {
    fn new(base: impl Iterator<Item = StoreResult<K>> + 'v, layers: impl Iterator<Item = LayerEntries<'v, K>>) -> Self {
        let base: Box<dyn Iterator<Item = StoreResult<K>> + 'v> = Box::new(base);
        Self { base: base.peekable(), layers: layers.map(Iterator::peekable).collect() }
    }

    /// The smallest key that is next anywhere.
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

/// Where readers find the newest view.
#[derive(Default)]
pub(super) struct Overlay {
    view: RwLock<Arc<OverlayView>>,
    /// The last batch that redb may hold already because it was, or is being, checkpointed there.
    checkpointed: AtomicU64,
}

impl Overlay {
    /// The newest view.
    pub(super) fn view(&self) -> Arc<OverlayView> {
        self.view.read().clone()
    }

    /// Lets readers see this from now on.
    pub(super) fn publish(&self, view: OverlayView) {
        let next = Arc::new(view);
        let last = std::mem::replace(&mut *self.view.write(), next);
        // Its rows are freed here, where no reader waits for the lock.
        drop(last);
    }

    /// From now on redb may hold what was committed up to this batch.
    pub(super) fn begin_checkpoint(&self, batch: u64) {
        self.checkpointed.fetch_max(batch, Ordering::SeqCst);
    }

    /// Whether tables that were opened after `view` was taken can be read together with it: they hold
    /// nothing that is newer.
    pub(super) fn fits(&self, view: &OverlayView) -> bool {
        self.checkpointed.load(Ordering::SeqCst) <= view.batch
    }
}

#[cfg(test)]
mod tests;
