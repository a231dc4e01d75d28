//! Rooms: what a request asks for, in commands to the store; and what a seat may read.

mod actions;
mod again;
mod open;
mod openings;
mod owned;

use std::sync::Arc;

use crate::domain::room::{Caller, RoomAction, RoomResults, RoomView};
use crate::domain::{
    Command, Event, Game, GameSession, IdempotencyKey, JoinCode, Lifetimes, Owner, PlayerName, Quiz, Refusal, Reply,
    Room, RoomReply, SeatId, SecretHash, Sequence, SessionId, Timestamp, Token, UserId, WallTime,
};
use crate::quizzes::Catalogue;
use crate::store::{EventPage, Store, StoreRouter};

use super::dates::Dates;
use super::entropy::Entropy;
use super::error::GameError;
use super::hub::{Hub, Subscription};
use super::session_access::{lives_until, unexpected};

pub use actions::ReceivedAnswer;
pub use again::Again;
pub use open::{NewRoom, OpenedRoom, RoomQuiz};
pub use openings::Openings;
pub use owned::{OwnedRoom, OwnedRooms};

/// Who asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A backend that showed an API key: good for the rooms of this owner alone, or for all.
    Backend(Option<Owner>),
    /// The holder of a seat's token, and the generation that it names.
    Seat(SecretHash, Option<u32>),
    /// A live connection of a seat, whose token was good when it was made.
    Connection {
        /// The seat.
        seat: SeatId,
        /// The connection's generation.
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

    /// Whether a backend asks.
    pub fn is_backend(&self) -> bool {
        matches!(self, Self::Backend(_))
    }

    /// A token that is good for nothing gets one answer, whether the room exists or not.
    fn refused(&self, error: GameError) -> GameError {
        match (self, error) {
            (Self::Seat(..), GameError::SessionNotFound | GameError::Refused(Refusal::NotThisGame)) => {
                Refusal::BadToken.into()
            }
            (_, error) => error,
        }
    }
}

/// A seat that was taken, and the token that is shown this once.
#[derive(Debug)]
pub struct Seated {
    /// The room.
    pub room: SessionId,
    /// The seat.
    pub seat: SeatId,
    /// Its token.
    pub token: Token,
}

/// An action that was carried out.
#[derive(Debug)]
pub struct Acted {
    /// What the room replied.
    pub reply: RoomReply,
    /// The room's newest event then.
    pub head: Sequence,
    /// When it was carried out.
    pub dates: Dates,
}

/// A room as it was found.
#[derive(Debug)]
pub struct RoomSnapshot {
    /// The session.
    pub session: GameSession,
    /// When.
    pub dates: Dates,
    /// The name of this life of its numbering.
    pub epoch: String,
    /// Whose eyes these are; a backend has no seat.
    pub viewer: Option<SeatId>,
    /// The events that were asked for.
    pub events: Vec<Event>,
    lives_until: Timestamp,
}

impl RoomSnapshot {
    /// The room.
    pub fn room(&self) -> Option<&Room> {
        room_of(&self.session)
    }

    /// The room as its viewer sees it.
    pub fn view(&self) -> Option<RoomView> {
        Some(self.room()?.view(self.quiz(), self.viewer, self.dates.at))
    }

    /// What its game has come to; nothing without a quiz.
    pub fn results(&self) -> Option<RoomResults> {
        self.room()?.results(self.quiz())
    }

    /// Whether the viewer may see everybody's results.
    pub fn sees_all(&self) -> bool {
        match (self.viewer, self.room()) {
            (Some(seat), Some(room)) => room.is_host_or_opener(seat),
            (None, _) => true,
            (Some(_), None) => false,
        }
    }

    /// The newest event's number.
    pub fn head(&self) -> Sequence {
        self.session.log().head
    }

    /// Whether whoever knows the events up to `last` of this epoch can be told all that came after them.
    pub fn follows(&self, last: Sequence) -> bool {
        let log = self.session.log();
        last <= log.head && log.oldest.0 <= last.0 + 1
    }

    /// The generation of the viewer's newest connection; a backend has none.
    pub fn generation(&self) -> Option<u32> {
        self.room()?.generation(self.viewer?).map(|(generation, _)| generation)
    }

    /// Until when it lives if nothing more happens.
    pub fn expires(&self) -> WallTime {
        self.dates.of(self.lives_until)
    }

    fn quiz(&self) -> Option<&Quiz> {
        self.session.quiz.as_deref()
    }
}

/// The newest connection of a seat, or one of a backend.
#[derive(Debug)]
pub struct Connected {
    /// Its seat; a backend has none.
    pub seat: Option<SeatId>,
    /// Its generation.
    pub generation: u32,
    who: Credential,
}

/// What a connection that was made again is told.
#[derive(Debug)]
pub struct Resumed {
    /// Whether what was missed follows after the sequence that the caller has; if not, the room as it
    /// is now is all there is.
    pub recovered: bool,
    /// The sequence after which events go on.
    pub position: Sequence,
    /// The room as it is now, with events after the position.
    pub looked: RoomSnapshot,
}

/// Rooms.
pub struct Rooms {
    /// Where they are kept.
    pub router: Arc<StoreRouter>,
    /// What can be played.
    pub catalogue: Arc<Catalogue>,
    /// How long rooms live.
    pub lifetimes: Lifetimes,
    /// Where ids, codes and tokens come from.
    pub chance: Entropy,
    /// Who listens.
    pub hub: Arc<Hub>,
    /// What was opened lately.
    pub openings: Openings,
}

impl Rooms {
    fn kept(&self, id: &SessionId) -> Result<(&Store, Dates), GameError> {
        let store = self.router.of(id)?;
        Ok((store, Dates::shown_by(&*store.clock())))
    }

    fn token(&self) -> Token {
        Token::new(self.chance.bytes())
    }

    async fn act(&self, id: &SessionId, caller: Caller, action: RoomAction) -> Result<Acted, GameError> {
        let (store, dates) = self.kept(id)?;
        let command = Command::room(caller, action);
        let applied = store.apply(id, command, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        self.hub.committed(id, &applied);
        match applied.result? {
            Reply::Room(reply) => Ok(Acted { reply, head: applied.head, dates }),
            other => Err(unexpected(&other)),
        }
    }

    /// Carries out an action of the holder of a credential.
    async fn act_as(&self, id: &SessionId, who: &Credential, action: RoomAction) -> Result<Acted, GameError> {
        self.check_owner(id, who).await?;
        self.act(id, who.caller(), action).await.map_err(|error| who.refused(error))
    }

    /// Another owner's room is none to a backend that has rooms of its own. A room never changes its owner.
    async fn check_owner(&self, id: &SessionId, who: &Credential) -> Result<(), GameError> {
        if !matches!(who, Credential::Backend(Some(_))) {
            return Ok(());
        }
        let (store, dates) = self.kept(id)?;
        let session = store.get(id, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        self.viewer(&session, who).map(drop)
    }

    /// The live room that has this code.
    async fn find(&self, code: &JoinCode) -> Result<SessionId, GameError> {
        let store = self.router.main();
        let found = store.find(code, store.clock().moment()).await?;
        found.ok_or(GameError::CodeUnknown)
    }

    /// Takes a seat in the room that has this code.
    ///
    /// # Errors
    /// An unknown code, the rules' refusals; or the store's.
    pub async fn join(
        &self,
        code: &JoinCode,
        name: PlayerName,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Seated, GameError> {
        let token = self.token();
        let ask = RoomAction::Join { name, token: token.hash(), idempotency };
        self.seated(self.find(code).await?, Caller::Anyone, token, ask).await
    }

    /// Takes over the seat that handed out this seat code.
    ///
    /// # Errors
    /// Unknown codes, the rules' refusals; or the store's.
    pub async fn take_seat(
        &self,
        code: &JoinCode,
        seat_code: &str,
        idempotency: Option<IdempotencyKey>,
    ) -> Result<Seated, GameError> {
        let token = self.token();
        let ask = RoomAction::TakeSeat { code: SecretHash::of(seat_code), token: token.hash(), idempotency };
        // Whoever guesses is not told which of the two codes was right.
        self.seated(self.find(code).await?, Caller::Anyone, token, ask).await.map_err(|error| match error {
            GameError::Refused(Refusal::SeatCodeUnknown) => GameError::CodeUnknown,
            error => error,
        })
    }

    /// Seats a backend's user.
    ///
    /// # Errors
    /// The rules' refusals; or the store's.
    pub async fn seat_user(
        &self,
        id: &SessionId,
        who: &Credential,
        user: Option<UserId>,
        name: PlayerName,
    ) -> Result<Seated, GameError> {
        self.check_owner(id, who).await?;
        let token = self.token();
        let ask = RoomAction::SeatUser { user, name, token: token.hash() };
        self.seated(id.clone(), Caller::Backend, token, ask).await
    }

    /// Gives a room's host another token.
    ///
    /// # Errors
    /// The rules' refusals; or the store's.
    pub async fn renew_host(&self, id: &SessionId, who: &Credential) -> Result<Seated, GameError> {
        self.check_owner(id, who).await?;
        let token = self.token();
        let ask = RoomAction::RenewHost { token: token.hash() };
        self.seated(id.clone(), Caller::Backend, token, ask).await
    }

    async fn seated(&self, room: SessionId, by: Caller, token: Token, ask: RoomAction) -> Result<Seated, GameError> {
        match self.act(&room, by, ask).await?.reply {
            RoomReply::Seated(seat) => Ok(Seated { room, seat, token }),
            other => Err(unexpected(&Reply::Room(other))),
        }
    }

    /// The room as the holder of a credential may see it. Reading touches it.
    ///
    /// # Errors
    /// Unknown or dead rooms, a credential that is not good here; or the store's.
    pub async fn look(&self, id: &SessionId, who: &Credential) -> Result<RoomSnapshot, GameError> {
        self.look_after(id, who, Sequence::default(), 0).await
    }

    /// The same with at most `limit` events after `after`.
    ///
    /// # Errors
    /// The same.
    pub async fn look_after(
        &self,
        id: &SessionId,
        who: &Credential,
        after: Sequence,
        limit: usize,
    ) -> Result<RoomSnapshot, GameError> {
        self.look_again(id, who, after, limit).await.map_err(|error| who.refused(error))
    }

    /// The same for a credential that was good in this room a moment ago, and so may be told that the room is gone.
    ///
    /// # Errors
    /// The same.
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

    /// The room as it is for a seat that was just taken, though a repeat has a newer token by now.
    ///
    /// # Errors
    /// Unknown or dead rooms; or the store's.
    pub async fn look_from(&self, seated: &Seated) -> Result<RoomSnapshot, GameError> {
        let (page, dates) = self.read(&seated.room, Sequence::default(), 0).await?;
        self.looked(page, dates, Some(seated.seat)).await
    }

    async fn looked(&self, page: EventPage, dates: Dates, viewer: Option<SeatId>) -> Result<RoomSnapshot, GameError> {
        let EventPage { session, events, epoch } = page;
        let (store, _) = self.kept(&session.id)?;
        let lives_until = lives_until(&**store, &session, dates.at).await?;
        Ok(RoomSnapshot { session, dates, epoch, viewer, events, lives_until })
    }

    /// The room after what was due has happened, with at most `limit` events after `after`.
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

    /// Listens to a room.
    ///
    /// # Errors
    /// The room is at home on another instance.
    pub fn enter(&self, id: &SessionId, seat: Option<SeatId>) -> Result<Subscription, GameError> {
        let (store, _) = self.kept(id)?;
        Ok(self.hub.enter(id, store, seat))
    }

    /// Makes the newest connection of a seat, or one of a backend. A fresh one knows nothing of before.
    ///
    /// # Errors
    /// Unknown or dead rooms, a credential that is not good here; or the store's.
    pub async fn connect(&self, id: &SessionId, who: &Credential, is_fresh: bool) -> Result<Connected, GameError> {
        let ask = if is_fresh { RoomAction::ResumeFresh } else { RoomAction::Resume };
        match self.act_as(id, who, ask).await?.reply {
            RoomReply::Resumed { seat, generation } => {
                let who = seat.map_or_else(|| who.clone(), |seat| Credential::Connection { seat, generation });
                Ok(Connected { seat, generation, who })
            }
            other => Err(unexpected(&Reply::Room(other))),
        }
    }

    /// What a connection is told whose client knows the events up to a sequence of an epoch: the room as it is
    /// now, and at most `limit` events that came since.
    ///
    /// # Errors
    /// The room is gone, the connection is superseded; or the store's.
    pub async fn resume(
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

    /// What time it is for a room.
    ///
    /// # Errors
    /// The room is at home on another instance.
    pub fn dates(&self, id: &SessionId) -> Result<Dates, GameError> {
        self.kept(id).map(|(_, dates)| dates)
    }
}

fn room_of(session: &GameSession) -> Option<&Room> {
    match &session.state.game {
        Game::Room(room) => Some(room),
        Game::Solo(_) | Game::Finished(_) => None,
    }
}
