//! Moving one session. The source is only read; whatever is tried twice happens once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::side::Side;
use super::walk::{Patience, Stop, WalkError, Which};
use crate::domain::{Millis, SessionId, Timestamp};
use crate::store::{Dump, ImportOutcome, StoreError};

/// How far two lives may differ and still be one.
pub(super) const TOLERANCE: Millis = Millis::seconds(1);

/// What became of a session of the source.
#[derive(Debug)]
pub(super) enum MoveOutcome {
    /// It is on the target now, until this deadline by the target's clock, if that is known; and
    /// whether it took another state's place.
    Moved { deadline: Option<Timestamp>, replaced: bool },
    /// The target had it already.
    Same,
    /// It is dead, and stays behind.
    Dead,
    /// The target keeps what it has.
    Conflict(Conflict),
    /// It began in an instance's fallback, and is looked for there alone.
    AtHome,
    /// A record that can't be read.
    Unreadable(Which, String),
}

/// Why the target keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    /// It has another state of this session.
    State,
    /// Another live session has its join code.
    Code,
}

/// How sessions are moved.
pub(super) struct Mover {
    /// Whether several instances share the target: then a session with a home has no place there.
    pub(super) is_to_shared: bool,
    pub(super) from: Side,
    /// Where to; `None` if it would be made, and this is a dry run.
    pub(super) to: Option<Side>,
    /// Whether the source's states take the place of the target's.
    pub(super) replaces: bool,
    /// Whether nothing is to be changed.
    pub(super) is_dry: bool,
}

type MoveResult<T> = Result<T, WalkError>;

impl Mover {
    /// Moves a session, or sees what would become of it.
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

/// A session as a side has it; `None` if it isn't alive there.
pub(super) async fn export(side: &Side, which: Which, id: &SessionId, patience: &Patience) -> MoveResult<Option<Dump>> {
    patience.call(which, || side.portable.export(id, side.clock.moment())).await
}

/// Whether `kept` is the same game and will live as long. One that was touched later on the other
/// side has slid its deadline further from its beginning, whatever the clocks show.
fn is_as_good(kept: &Dump, moved: &Dump) -> bool {
    let slid = |dump: &Dump| {
        let life = &dump.session.state.life;
        life.deadline().0.since(life.created()).0
    };
    kept.is_same(moved) && slid(kept) + TOLERANCE.0 >= slid(moved)
}

/// How long a session has still to live.
fn left(dump: &Dump) -> Millis {
    dump.session.state.life.deadline().0.since(dump.taken)
}

/// One session on its way.
struct One<'a> {
    to: &'a Side,
    dump: Dump,
    patience: &'a Patience,
}

impl One<'_> {
    fn id(&self) -> &SessionId {
        &self.dump.session.id
    }

    /// What the target has under its id.
    async fn kept(&self) -> MoveResult<Option<Dump>> {
        export(self.to, Which::Target, self.id(), self.patience).await
    }

    /// Whether another live session of the target has its join code.
    async fn is_code_taken(&self) -> MoveResult<bool> {
        let Some(code) = &self.dump.session.state.join_code else { return Ok(false) };
        let find = || self.to.sessions.find(code, self.to.clock.moment());
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
                None if imported == ImportOutcome::Same => Ok(MoveOutcome::Same),
                None => Ok(MoveOutcome::Conflict(Conflict::Code)),
            },
        }
    }

    /// Puts the session in the place of what the target has under its id.
    async fn replace(&self, kept: Dump) -> MoveResult<MoveOutcome> {
        // Looked at first: what is deleted must find its place taken by nobody else.
        if self.is_code_taken().await? {
            return Ok(MoveOutcome::Conflict(Conflict::Code));
        }
        self.patience.call(Which::Target, || self.to.sessions.delete(self.id())).await?;
        match self.import(&self.dump).await? {
            (ImportOutcome::Imported | ImportOutcome::Same, deadline) => {
                Ok(MoveOutcome::Moved { deadline, replaced: true })
            }
            (ImportOutcome::Conflict, _) => {
                self.import(&kept).await?;
                Ok(MoveOutcome::Conflict(Conflict::Code))
            }
        }
    }

    /// Imports until it is known what became of it; with the deadline that it has now on the
    /// target, if it was this try that stored it.
    async fn import(&self, dump: &Dump) -> MoveResult<(ImportOutcome, Option<Timestamp>)> {
        let is_unsure = AtomicBool::new(false);
        let import = || async {
            let at = self.to.clock.moment();
            let imported = self.to.portable.import(dump.clone(), at).await;
            if matches!(imported, Err(StoreError::OutcomeUnknown)) {
                is_unsure.store(true, Ordering::Relaxed);
            }
            Ok((imported?, at.now.plus(left(dump))))
        };
        let (imported, deadline) = self.patience.call(Which::Target, import).await?;
        Ok(match imported {
            ImportOutcome::Imported => (ImportOutcome::Imported, Some(deadline)),
            // It was stored by a try whose answer was lost.
            ImportOutcome::Same if is_unsure.load(Ordering::Relaxed) => (ImportOutcome::Imported, None),
            other => (other, None),
        })
    }
}
