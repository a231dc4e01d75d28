//! The rooms of an owner, and forgetting one.

use super::{Credential, GameError, Rooms, room_of};
use crate::domain::{GameSession, Owner, Refusal, Room, SessionId, WallTime};
use crate::game::Dates;
use crate::store::StoreError;

/// A room in its owner's list.
#[derive(Debug)]
pub struct OwnedRoom {
    session: GameSession,
    /// When it was opened.
    pub created: WallTime,
    /// Until when it lives if nothing more happens.
    pub expires: WallTime,
}

impl OwnedRoom {
    /// Its session.
    pub fn session(&self) -> &GameSession {
        &self.session
    }

    /// The room.
    pub fn room(&self) -> Option<&Room> {
        room_of(&self.session)
    }
}

/// Some rooms of an owner.
#[derive(Debug)]
pub struct OwnedRooms {
    /// The rooms, in the order of their ids.
    pub rooms: Vec<OwnedRoom>,
    /// Whether there are more after them.
    pub more: bool,
    /// When they were looked at.
    pub dates: Dates,
}

impl Rooms {
    /// The live rooms of an owner after this one, at most `limit`. To be listed touches no room; one that
    /// can't be read is left out.
    ///
    /// # Errors
    /// The store's.
    pub async fn owned(&self, owner: &Owner, after: Option<SessionId>, limit: usize) -> Result<OwnedRooms, GameError> {
        let store = self.router.main();
        let dates = Dates::shown_by(&*store.clock());
        let (mut rooms, mut after) = (Vec::new(), after);
        // One more than asked for tells whether there are more.
        while rooms.len() <= limit {
            let wanted = limit + 1 - rooms.len();
            let ids = store.owned(owner, after.as_ref(), wanted, dates.at).await?;
            for id in &ids {
                match store.get(id, dates.at).await {
                    Ok(session) => rooms.extend(session.and_then(|session| owned_room(session, dates))),
                    Err(StoreError::Corrupt { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if ids.len() < wanted {
                break;
            }
            after = ids.into_iter().last();
        }
        let more = rooms.len() > limit;
        rooms.truncate(limit);
        Ok(OwnedRooms { rooms, more, dates })
    }

    /// Forgets a room, its names and its events; its connections end.
    ///
    /// # Errors
    /// Unknown or dead rooms, a credential that is not that of who opened it, or a backend's; or the store's.
    pub async fn delete(&self, id: &SessionId, who: &Credential) -> Result<(), GameError> {
        self.delete_as(id, who).await.map_err(|error| who.refused(error))
    }

    async fn delete_as(&self, id: &SessionId, who: &Credential) -> Result<(), GameError> {
        let (store, dates) = self.kept(id)?;
        let session = store.get(id, dates.at).await?.ok_or(GameError::SessionNotFound)?;
        let opener = room_of(&session).ok_or(GameError::SessionNotFound)?.opener();
        let viewer = self.viewer(&session, who)?;
        if viewer.is_some() && viewer != opener {
            return Err(Refusal::HostsOnly.into());
        }
        let was_there = store.delete(id).await?;
        self.hub.deleted(id);
        if was_there { Ok(()) } else { Err(GameError::SessionNotFound) }
    }
}

fn owned_room(session: GameSession, dates: Dates) -> Option<OwnedRoom> {
    room_of(&session)?;
    let (created, expires) = (session.state.life.created(), session.state.life.deadline().0);
    Some(OwnedRoom { session, created: dates.of(created), expires: dates.of(expires) })
}
