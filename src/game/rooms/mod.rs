//! The use cases of rooms: turns requests into commands for the store, and reads what a caller may see.

mod actions;
mod again;
mod open;
mod openings;
mod owned;

use std::sync::Arc;

use crate::domain::room::{Caller, RoomAction, RoomResults, RoomView};
use crate::domain::{
    Command, Event, GameSession, IdempotencyKey, JoinCode, Lifetimes, Owner, PlayerName, Quiz, Refusal, Reply, Room,
    RoomReply, SeatId, SecretHash, Sequence, SessionId, Timestamp, Token, UserId, WallTime,
};
use crate::metrics::{GameKind, Metrics, ResumeOutcome};
use crate::quizzes::Catalogue;
use crate::store::{EventPage, Store, StoreRouter};

use super::activity::Activity;
use super::dates::Dates;
use super::entropy::Entropy;
use super::error::GameError;
use super::hub::{Hub, Subscription};
use super::outcomes;
use super::session_access::{lives_until, unexpected};

pub use actions::ReceivedAnswer;
pub use again::Again;
pub use open::{NewRoom, OpenedRoom, RoomQuiz};
pub use openings::Openings;
pub use owned::{OwnedRoom, OwnedRooms};

/// The credential of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A backend with an API key. It may use the rooms of this owner only, or all rooms if `None`.
    Backend(Option<Owner>),
    /// The hash of a seat's token, and the generation of the connection if the request names one.
    Seat(SecretHash, Option<u32>),
    /// A live connection of a seat. Its token was checked when the connection was opened.
    Connection {
        /// The seat of the connection.
        seat: SeatId,
        /// The generation that the seat had when the connection was opened.
        generation: u32,
    },
}

impl Credential {
    fn caller(&self) -> Caller {
        match self {
            Self::Backend(_) => Caller::Backend,
            Self::Seat(token, generation) => Caller::Token(*token, *generation),
            Self::Connection { seat, generation } => Caller::Connection { seat: *seat, generation: *generation },
        }
    }

    /// Whether the caller is a backend.
    pub fn is_backend(&self) -> bool {
        matches!(self, Self::Backend(_))
    }

    /// The error as this caller may see it. A seat token gets `BadToken` for an unknown room, too, so that an
    /// invalid token doesn't reveal whether a room exists.
    fn refused(&self, error: GameError) -> GameError {
        match (self, error) {
            (Self::Seat(..), GameError::SessionNotFound | GameError::Refused(Refusal::NotThisGame)) => {
                Refusal::BadToken.into()
            }
            (_, error) => error,
        }
    }
}

/// A seat that was taken. Its token is shown only here: the store keeps only a hash of it.
#[derive(Debug)]
pub struct Seated {
    /// The id of the room.
    pub room: SessionId,
    /// The seat that was taken.
    pub seat: SeatId,
    /// The seat's token.
    pub token: Token,
}

/// An action that was carried out.
#[derive(Debug)]
pub struct Acted {
    /// The reply of the room.
    pub reply: RoomReply,
    /// The sequence number of the room's newest event after the action.
    pub head: Sequence,
    /// The time of the action.
    pub dates: Dates,
}

/// A committed state of a room, read for one viewer.
#[derive(Debug)]
pub struct RoomSnapshot {
    /// The stored session that contains the room.
    pub session: GameSession,
    /// The time at which it was read.
    pub dates: Dates,
    /// The epoch of the room's sequence numbers.
    pub epoch: String,
    /// The seat of the viewer. `None` for a backend.
    pub viewer: Option<SeatId>,
    /// The requested events, oldest first, without gaps. Events for other seats are included.
    pub events: Vec<Event>,
    /// When the session expires if nothing more happens.
    lives_until: Timestamp,
}

impl RoomSnapshot {
    /// The room. Always `Some` if the snapshot was read by [`Rooms`].
    pub fn room(&self) -> Option<&Room> {
        room_of(&self.session)
    }

    /// The room as its viewer sees it.
    pub fn view(&self) -> Option<RoomView> {
        Some(self.room()?.view(self.quiz(), self.viewer, self.dates.at))
    }

    /// The results of its game so far. `None` in an external room.
    pub fn results(&self) -> Option<RoomResults> {
        self.room()?.results(self.quiz())
    }

    /// Whether the viewer may see the results of all seats: the host, the opener and a backend may.
    pub fn sees_all(&self) -> bool {
        match (self.viewer, self.room()) {
            (Some(seat), Some(room)) => room.is_host_or_opener(seat),
            (None, _) => true,
            (Some(_), None) => false,
        }
    }

    /// The sequence number of the newest event.
    pub fn head(&self) -> Sequence {
        self.session.log().head
    }

    /// Whether the log still has every event after `last`, a sequence number of this epoch. False if some of them
    /// were pruned, or if `last` is beyond the head.
    pub fn follows(&self, last: Sequence) -> bool {
        let log = self.session.log();
        last <= log.head && log.oldest.0 <= last.0 + 1
    }

    /// The generation of the newest connection of the viewer's seat. `None` for a backend.
    pub fn generation(&self) -> Option<u32> {
        self.room()?.generation(self.viewer?).map(|(generation, _)| generation)
    }

    /// When the room expires if nothing more happens in it.
    pub fn expires(&self) -> WallTime {
        self.dates.of(self.lives_until)
    }

    fn quiz(&self) -> Option<&Quiz> {
        self.session.quiz.as_deref()
    }
}

/// A connection of a seat, the newest of that seat, or a connection of a backend.
#[derive(Debug)]
pub struct Connected {
    /// The seat of the connection. `None` for a backend.
    pub seat: Option<SeatId>,
    /// The generation of the connection. 0 for a backend.
    pub generation: u32,
    /// The credential for requests of this connection.
    who: Credential,
}

/// What a connection gets when it is opened: where its events continue, and a snapshot.
#[derive(Debug)]
pub struct Resumed {
    /// Whether the client can continue after the last event that it knows. If not, it must start from the
    /// snapshot.
    pub recovered: bool,
    /// The sequence number after which events continue.
    pub position: Sequence,
    /// The room as it is now, with events after `position`.
    pub looked: RoomSnapshot,
}

/// The use cases of rooms, with everything that they need.
pub struct Rooms {
    /// Routes a session id to its store.
    pub router: Arc<StoreRouter>,
    /// The question banks.
    pub catalogue: Arc<Catalogue>,
    /// The TTLs and the maximum age of new rooms.
    pub lifetimes: Lifetimes,
    /// The random source of ids, codes, tokens and question draws.
    pub chance: Entropy,
    /// The subscribers of rooms on this instance.
    pub hub: Arc<Hub>,
    /// Recent openings, to recognize retries.
    pub openings: Openings,
    /// Counts what happens, and logs which rooms were opened and have ended.
    pub activity: Arc<Activity>,
    /// What is recorded for operators.
    pub metrics: Arc<Metrics>,
}

impl Rooms {
    fn kept(&self, id: &SessionId) -> Result<(&Store, Dates), GameError> {
        let store = self.router.of(id)?;
        Ok((store, Dates::shown_by(store.clock())))
    }

    fn token(&self) -> Token {
        Token::new(self.chance.bytes())
    }

    async fn act(&self, id: &SessionId, caller: Caller, action: RoomAction) -> Result<Acted, GameError> {
        let (store, dates) = self.kept(id)?;
        let command = Command::room(caller, action);
        let applied = store.apply(id, command, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        // After the commit: subscribers must never see an event that is not committed.
        self.hub.committed(id, &applied);
        self.activity.room_changed(store, id, &applied, dates.at).await;
        match applied.result? {
            Reply::Room(reply) => Ok(Acted { reply, head: applied.head, dates }),
            other => Err(unexpected(&other)),
        }
    }

    /// Carries out an action as the holder of a credential.
    async fn act_as(&self, id: &SessionId, who: &Credential, action: RoomAction) -> Result<Acted, GameError> {
        self.check_owner(id, who).await?;
        self.act(id, who.caller(), action).await.map_err(|error| who.refused(error))
    }

    /// Refuses a backend that is limited to one owner's rooms, if another owner has this room. The check stays
    /// valid after the read, because a room never changes its owner.
    async fn check_owner(&self, id: &SessionId, who: &Credential) -> Result<(), GameError> {
        if !matches!(who, Credential::Backend(Some(_))) {
            return Ok(());
        }
        let (store, dates) = self.kept(id)?;
        let session = store.get(id, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        self.viewer(&session, who).map(drop)
    }

    /// The id of the live room that has this join code.
    async fn find(&self, code: &JoinCode) -> Result<SessionId, GameError> {
        let store = self.router.main();
        let found = store.find(code, store.clock().moment()).await?;
        found.ok_or(GameError::CodeUnknown)
    }

    /// Takes a new seat in the room that has this join code.
    ///
    /// # Errors
    /// The code is unknown, the rules refuse, or the store fails.
    pub async fn join(
        &self,
        code: &JoinCode,
        name: PlayerName,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Seated, GameError> {
        let token = self.token();
        let action = RoomAction::Join { name, token: token.hash(), idempotency };
        self.seated(self.find(code).await?, Caller::Anyone, token, action).await
    }

    /// Takes over the seat that this seat code was created for.
    ///
    /// # Errors
    /// One of the codes is unknown, the rules refuse, or the store fails.
    pub async fn take_seat(
        &self,
        code: &JoinCode,
        seat_code: &str,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Seated, GameError> {
        let token = self.token();
        let action = RoomAction::TakeSeat { code: SecretHash::of(seat_code), token: token.hash(), idempotency };
        // Somebody who guesses must not learn which of the two codes was right.
        self.seated(self.find(code).await?, Caller::Anyone, token, action).await.map_err(|error| match error {
            GameError::Refused(Refusal::SeatCodeUnknown) => GameError::CodeUnknown,
            error => error,
        })
    }

    /// Seats a user of the backend. If the user has a seat already, that seat gets another token. Without a user id
    /// the seat is always new.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn seat_user(
        &self,
        id: &SessionId,
        who: &Credential,
        user: Option<UserId>,
        name: PlayerName,
    ) -> Result<Seated, GameError> {
        self.check_owner(id, who).await?;
        let token = self.token();
        let action = RoomAction::SeatUser { user, name, token: token.hash() };
        self.seated(id.clone(), Caller::Backend, token, action).await
    }

    /// Gives the opener's seat another token. The previous token stops working.
    ///
    /// # Errors
    /// There is no such room, the rules refuse, or the store fails.
    pub async fn renew_host(&self, id: &SessionId, who: &Credential) -> Result<Seated, GameError> {
        self.check_owner(id, who).await?;
        let token = self.token();
        let action = RoomAction::RenewHost { token: token.hash() };
        self.seated(id.clone(), Caller::Backend, token, action).await
    }

    /// Carries out an action that takes a seat for the holder of `token`.
    async fn seated(
        &self,
        room: SessionId,
        caller: Caller,
        token: Token,
        action: RoomAction,
    ) -> Result<Seated, GameError> {
        match self.act(&room, caller, action).await?.reply {
            RoomReply::Seated(seat) => Ok(Seated { room, seat, token }),
            other => Err(unexpected(&Reply::Room(other))),
        }
    }

    /// The room as the holder of a credential may see it. Reading extends the room's TTL.
    ///
    /// # Errors
    /// There is no such room, the credential is not valid in it, or the store fails.
    pub async fn look(&self, id: &SessionId, who: &Credential) -> Result<RoomSnapshot, GameError> {
        self.look_after(id, who, Sequence::default(), 0).await
    }

    /// Like [`Rooms::look`], with at most `limit` events after `after`.
    ///
    /// # Errors
    /// The same as of [`Rooms::look`].
    pub async fn look_after(
        &self,
        id: &SessionId,
        who: &Credential,
        after: Sequence,
        limit: usize,
    ) -> Result<RoomSnapshot, GameError> {
        self.look_again(id, who, after, limit).await.map_err(|error| who.refused(error))
    }

    /// Like [`Rooms::look_after`], for a credential that was valid in this room a moment ago. Its holder knows that
    /// the room existed, and so may learn that it is gone.
    ///
    /// # Errors
    /// The same as of [`Rooms::look`], but an unknown room is always `SessionNotFound`.
    pub async fn look_again(
        &self,
        id: &SessionId,
        who: &Credential,
        after: Sequence,
        limit: usize,
    ) -> Result<RoomSnapshot, GameError> {
        let (page, dates) = self.read(id, after, limit).await?;
        let viewer = self.viewer(&page.session, who)?;
        self.looked(page, dates, viewer).await
    }

    /// The room as the holder of a seat that was just taken may see it. The token is not checked: a retry may have
    /// replaced it already.
    ///
    /// # Errors
    /// There is no such room, or the store fails.
    pub async fn look_from(&self, seated: &Seated) -> Result<RoomSnapshot, GameError> {
        let (page, dates) = self.read(&seated.room, Sequence::default(), 0).await?;
        self.looked(page, dates, Some(seated.seat)).await
    }

    /// Makes the snapshot of a page for this viewer, and touches the session if that is due.
    async fn looked(&self, page: EventPage, dates: Dates, viewer: Option<SeatId>) -> Result<RoomSnapshot, GameError> {
        let EventPage { session, events, epoch } = page;
        let (store, _) = self.kept(&session.id)?;
        let lives_until = lives_until(&**store, &session, dates.at).await?;
        Ok(RoomSnapshot { session, dates, epoch, viewer, events, lives_until })
    }

    /// Reads the room with at most `limit` events after `after`. If something is due, does that first and reads
    /// again.
    async fn read(&self, id: &SessionId, after: Sequence, limit: usize) -> Result<(EventPage, Dates), GameError> {
        let (page, dates) = self.events(id, after, limit).await?;
        let room = room_of(&page.session).ok_or(GameError::SessionNotFound)?;
        if room.next_due(dates.at).is_none_or(|due| due > dates.at.now) {
            return Ok((page, dates));
        }
        self.act(id, Caller::Anyone, RoomAction::Advance).await?;
        self.events(id, after, limit).await
    }

    async fn events(&self, id: &SessionId, after: Sequence, limit: usize) -> Result<(EventPage, Dates), GameError> {
        let (store, dates) = self.kept(id)?;
        let page = store.events(id, after, limit, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        Ok((page, dates))
    }

    /// The seat of the caller, who is allowed to read the room. `None` for a backend.
    fn viewer(&self, session: &GameSession, who: &Credential) -> Result<Option<SeatId>, GameError> {
        let room = room_of(session).ok_or(GameError::SessionNotFound)?;
        match who {
            Credential::Backend(Some(owner)) if session.state.owner.as_ref() != Some(owner) => {
                Err(GameError::SessionNotFound)
            }
            Credential::Backend(_) => Ok(None),
            Credential::Seat(token, generation) => Ok(Some(room.holder(token, *generation)?)),
            Credential::Connection { seat, generation } => Ok(Some(room.connected(*seat, *generation)?)),
        }
    }

    /// Subscribes to a room, for a seat or for a backend (`None`). Doesn't check that the room exists.
    ///
    /// # Errors
    /// The room is on another instance.
    pub fn enter(&self, id: &SessionId, seat: Option<SeatId>) -> Result<Subscription, GameError> {
        let (store, _) = self.kept(id)?;
        Ok(self.hub.enter(id, store, seat))
    }

    /// Opens a connection: the newest one of a seat, or one of a backend. `is_fresh` says that the client has lost
    /// its state and counts its frame ids from the start again.
    ///
    /// # Errors
    /// There is no such room, the credential is not valid in it, or the store fails.
    pub async fn connect(&self, id: &SessionId, who: &Credential, is_fresh: bool) -> Result<Connected, GameError> {
        let action = if is_fresh { RoomAction::ResumeFresh } else { RoomAction::Resume };
        let acted = self.act_as(id, who, action).await;
        match acted.inspect_err(|error| self.resumed(outcomes::of_resume(error)))?.reply {
            RoomReply::Resumed { seat, generation } => {
                let who = seat.map_or_else(|| who.clone(), |seat| Credential::Connection { seat, generation });
                Ok(Connected { seat, generation, who })
            }
            other => Err(unexpected(&Reply::Room(other))),
        }
    }

    /// The snapshot for a new connection. `known` is the epoch and the sequence number of the last event that the
    /// client has. If the client can continue from there, the snapshot has at most `limit` events after it.
    ///
    /// # Errors
    /// The room is gone, the connection is superseded, or the store fails.
    pub async fn resume(
        &self,
        id: &SessionId,
        connected: &Connected,
        known: Option<(String, Sequence)>,
        limit: usize,
    ) -> Result<Resumed, GameError> {
        let is_first = known.is_none();
        let resumed = self.resume_from(id, connected, known, limit).await;
        self.resumed(match &resumed {
            Ok(_) if is_first => ResumeOutcome::First,
            Ok(Resumed { recovered: true, .. }) => ResumeOutcome::Recovered,
            Ok(_) => ResumeOutcome::Snapshot,
            Err(error) => outcomes::of_resume(error),
        });
        resumed
    }

    fn resumed(&self, outcome: ResumeOutcome) {
        self.metrics.game.resumed(GameKind::Room, outcome);
    }

    async fn resume_from(
        &self,
        id: &SessionId,
        connected: &Connected,
        known: Option<(String, Sequence)>,
        limit: usize,
    ) -> Result<Resumed, GameError> {
        let Some((epoch, last)) = known else {
            let looked = self.look(id, &connected.who).await?;
            return Ok(Resumed { recovered: false, position: looked.head(), looked });
        };
        let mut looked = self.look_after(id, &connected.who, last, limit).await?;
        let recovered = epoch == looked.epoch && looked.follows(last);
        if !recovered {
            looked.events.clear();
        }
        let position = if recovered { last } else { looked.head() };
        Ok(Resumed { recovered, position, looked })
    }

    /// The current time on the clock of the room's store.
    ///
    /// # Errors
    /// The room is on another instance.
    pub fn dates(&self, id: &SessionId) -> Result<Dates, GameError> {
        self.kept(id).map(|(_, dates)| dates)
    }
}

fn room_of(session: &GameSession) -> Option<&Room> {
    session.state.game.room()
}
