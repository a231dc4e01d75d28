//! Moves one session. The source is only read, and a repeated move has no further effect.

use std::sync::atomic::{AtomicBool, Ordering};

use super::side::Side;
use super::walk::{Patience, Stop, WalkError, Which};
use crate::domain::{Millis, SessionId, Timestamp};
use crate::store::{Dump, ImportOutcome, StoreError};

/// The largest difference between two deadlines that count as equal.
pub(super) const TOLERANCE: Millis = Millis::seconds(1);

/// The result of moving one session of the source.
#[derive(Debug)]
pub(super) enum MoveOutcome {
    /// The session is on the target now. `deadline` is by the target's clock, and `None` if it is not known.
    /// `replaced` is true if the session replaced another state.
    Moved { deadline: Option<Timestamp>, replaced: bool },
    /// The target had the session already.
    Same,
    /// The session is dead and is not moved.
    Dead,
    /// The target keeps what it has.
    Conflict(Conflict),
    /// The session was created in the fallback store of one instance, and is looked up only there.
    AtHome,
    /// A record can't be read: in which store, and what was wrong.
    Unreadable(Which, String),
}

/// Why the target keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    /// The target has another state of this session.
    State,
    /// Another live session on the target has the join code.
    Code,
}

/// The two stores, and the settings of the move.
pub(super) struct Mover {
    /// True if several instances share the target. Then sessions of one instance's fallback can't be moved to
    /// it.
    pub(super) is_to_shared: bool,
    /// The source.
    pub(super) from: Side,
    /// The target; `None` in a dry run if it does not exist yet.
    pub(super) to: Option<Side>,
    /// True if the source's states replace those of the target.
    pub(super) replaces: bool,
    /// True if nothing may be changed.
    pub(super) is_dry: bool,
}

type MoveResult<T> = Result<T, WalkError>;

impl Mover {
    /// Moves a session. In a dry run, finds out what the result would be.
    pub(super) async fn handle(&self, id: &SessionId, patience: &Patience) -> Result<MoveOutcome, Stop> {
        if self.is_to_shared && id.instance().is_some() {
            return Ok(MoveOutcome::AtHome);
        }
        match self.try_handle(id, patience).await {
            Ok(outcome) => Ok(outcome),
            Err(WalkError::Unreadable(which, what)) => Ok(MoveOutcome::Unreadable(which, what)),
            Err(WalkError::Stop(stop)) => Err(stop),
        }
    }

    async fn try_handle(&self, id: &SessionId, patience: &Patience) -> MoveResult<MoveOutcome> {
        let Some(dump) = export(&self.from, Which::Source, id, patience).await? else { return Ok(MoveOutcome::Dead) };
        let Some(to) = &self.to else { return Ok(MoveOutcome::Moved { deadline: None, replaced: false }) };
        let work = One { to, dump, patience };
        if self.is_dry { work.preview(self.replaces).await } else { work.carry_out(self.replaces).await }
    }
}

/// Exports a session from a store; `None` if it is not alive there.
pub(super) async fn export(side: &Side, which: Which, id: &SessionId, patience: &Patience) -> MoveResult<Option<Dump>> {
    patience.call(which, || side.store.export(id, side.store.clock().moment())).await
}

/// True if `kept` is the same game and lives at least as long. The lifetimes are compared as deadline minus
/// creation time, because the clocks of the two stores differ and each activity extends the deadline.
fn is_as_good(kept: &Dump, moved: &Dump) -> bool {
    let slid = |dump: &Dump| {
        let life = &dump.session.state.life;
        life.deadline().0.since(life.created()).0
    };
    kept.is_same(moved) && slid(kept) + TOLERANCE.0 >= slid(moved)
}

/// How long the session still lived when it was exported.
fn left(dump: &Dump) -> Millis {
    dump.session.state.life.deadline().0.since(dump.taken)
}

/// One session that is being moved.
struct One<'a> {
    to: &'a Side,
    dump: Dump,
    patience: &'a Patience,
}

impl One<'_> {
    fn id(&self) -> &SessionId {
        &self.dump.session.id
    }

    /// The target's state of this session; `None` if there is none.
    async fn kept(&self) -> MoveResult<Option<Dump>> {
        export(self.to, Which::Target, self.id(), self.patience).await
    }

    /// True if another live session on the target has the join code.
    async fn is_code_taken(&self) -> MoveResult<bool> {
        let Some(code) = &self.dump.session.state.join_code else { return Ok(false) };
        let find = || self.to.store.find(code, self.to.store.clock().moment());
        let holder = self.patience.call(Which::Target, find).await?;
        Ok(holder.is_some_and(|holder| holder != *self.id()))
    }

    async fn preview(&self, replaces: bool) -> MoveResult<MoveOutcome> {
        let kept = self.kept().await?;
        let is_there = kept.is_some();
        Ok(match kept {
            Some(kept) if is_as_good(&kept, &self.dump) => MoveOutcome::Same,
            Some(_) if !replaces => MoveOutcome::Conflict(Conflict::State),
            _ if self.is_code_taken().await? => MoveOutcome::Conflict(Conflict::Code),
            _ => MoveOutcome::Moved { deadline: None, replaced: is_there },
        })
    }

    async fn carry_out(&self, replaces: bool) -> MoveResult<MoveOutcome> {
        let (imported, deadline) = self.import(&self.dump).await?;
        match imported {
            ImportOutcome::Imported => Ok(MoveOutcome::Moved { deadline, replaced: false }),
            ImportOutcome::Same | ImportOutcome::Conflict => match self.kept().await? {
                Some(kept) if is_as_good(&kept, &self.dump) => Ok(MoveOutcome::Same),
                Some(kept) if replaces => self.replace(kept).await,
                Some(_) => Ok(MoveOutcome::Conflict(Conflict::State)),
                // The target's session ended between the import and this read.
                None if imported == ImportOutcome::Same => Ok(MoveOutcome::Same),
                None => Ok(MoveOutcome::Conflict(Conflict::Code)),
            },
        }
    }

    /// Replaces the target's state of this session.
    async fn replace(&self, kept: Dump) -> MoveResult<MoveOutcome> {
        // Check before the delete: if the code is taken, the import would fail and the target's state would
        // be lost.
        if self.is_code_taken().await? {
            return Ok(MoveOutcome::Conflict(Conflict::Code));
        }
        // Delete and import are two steps. If the process dies in between, only the source has the session.
        self.patience.call(Which::Target, || self.to.store.delete(self.id())).await?;
        match self.import(&self.dump).await? {
            (ImportOutcome::Imported | ImportOutcome::Same, deadline) => {
                Ok(MoveOutcome::Moved { deadline, replaced: true })
            }
            (ImportOutcome::Conflict, _) => {
                // Another session took the code after the check above: restore the target's state.
                self.import(&kept).await?;
                Ok(MoveOutcome::Conflict(Conflict::Code))
            }
        }
    }

    /// Retries the import until its outcome is known. Returns the deadline on the target too, if the last
    /// attempt stored the session.
    async fn import(&self, dump: &Dump) -> MoveResult<(ImportOutcome, Option<Timestamp>)> {
        let is_unsure = AtomicBool::new(false);
        let import = || async {
            let at = self.to.store.clock().moment();
            let imported = self.to.store.import(dump.clone(), at).await;
            if matches!(imported, Err(StoreError::OutcomeUnknown)) {
                is_unsure.store(true, Ordering::Relaxed);
            }
            Ok((imported?, at.now.plus(left(dump))))
        };
        let (imported, deadline) = self.patience.call(Which::Target, import).await?;
        Ok(match imported {
            ImportOutcome::Imported => (ImportOutcome::Imported, Some(deadline)),
            // An earlier attempt stored the session, but its reply was lost.
            ImportOutcome::Same if is_unsure.load(Ordering::Relaxed) => (ImportOutcome::Imported, None),
            other => (other, None),
        })
    }
}
