//! Lists the rooms of an owner, and deletes rooms.

use super::{Credential, GameError, Rooms, room_of};
use crate::domain::{GameSession, Owner, Refusal, Room, SessionId, WallTime};
use crate::game::Dates;
use crate::store::StoreError;

/// A room in its owner's list.
#[derive(Debug)]
pub struct OwnedRoom {
    session: GameSession,
    /// The wall time at which the room was opened.
    pub created: WallTime,
    /// When the room expires if nothing more happens in it.
    pub expires: WallTime,
}

impl OwnedRoom {
    /// The stored session that contains the room.
    pub fn session(&self) -> &GameSession {
        &self.session
    }

    /// The room. Always `Some` for a listed room.
    pub fn room(&self) -> Option<&Room> {
        room_of(&self.session)
    }
}

/// A page of an owner's rooms.
#[derive(Debug)]
pub struct OwnedRooms {
    /// The rooms, in ascending order of their ids.
    pub rooms: Vec<OwnedRoom>,
    /// Whether the owner has more rooms after these.
    pub more: bool,
    /// The time at which the page was read.
    pub dates: Dates,
}

impl Rooms {
    /// The live rooms of an owner whose ids come after `after`, at most `limit`. Listing does not extend a room's
    /// TTL. A room whose record is corrupt is left out.
    ///
    /// # Errors
    /// The store fails.
    pub async fn owned(&self, owner: &Owner, after: Option<SessionId>, limit: usize) -> Result<OwnedRooms, GameError> {
        let store = self.router.main();
        let dates = Dates::shown_by(store.clock());
        let (mut rooms, mut after) = (Vec::new(), after);
        // Read one room more than requested, to learn whether there are more.
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

    /// Deletes a room with its names and events, and closes its connections. Allowed for the room's opener and for
    /// a backend.
    ///
    /// # Errors
    /// There is no such room, the credential is invalid or belongs to another seat, or the store fails.
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
        // After the deletion: a client that reconnects at once must not find the room.
        self.hub.deleted(id);
        if !was_there {
            return Err(GameError::SessionNotFound);
        }
        self.activity.room_deleted(&session, dates.at);
        Ok(())
    }
}

fn owned_room(session: GameSession, dates: Dates) -> Option<OwnedRoom> {
    room_of(&session)?;
    let (created, expires) = (session.state.life.created(), session.state.life.deadline().0);
    Some(OwnedRoom { session, created: dates.of(created), expires: dates.of(expires) })
}
