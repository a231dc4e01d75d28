//! Join codes: each lies under a key of its own, in another slot than its session, and so outside
//! the session's step. It names who claimed it, and counts only as long as that session lives and
//! says the same.

use redis::Value;
use tokio::time::Instant;

use super::engine::Engine;
use super::failure::Failure;
use super::join_key;
use super::scripts::SWAP;
use crate::domain::{GameSession, JoinCode, Millis, Moment, SessionId, SessionState, Timestamp};
use crate::store::error::{StoreError, StoreResult};

/// A claim whose session isn't there is one that is still to be stored, for this long.
const STORING: Millis = Millis::seconds(2);
/// How often a claim begins anew because others were faster.
const MOST_TRIES: usize = 8;

/// Who claimed a code, and when: `<id> <nonce> <ms>`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    id: SessionId,
    nonce: u64,
    claimed: Timestamp,
}

impl Holder {
    fn read(text: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        let id = words.next()?.parse().ok()?;
        let nonce = u64::from_str_radix(words.next()?, 16).ok()?;
        let claimed = Timestamp::from_millis(words.next()?.parse().ok()?);
        Some(Self { id, nonce, claimed })
    }

    fn text(&self) -> String {
        format!("{} {:x} {}", self.id, self.nonce, self.claimed.as_millis())
    }
}

/// What came of putting a value in another's place.
enum Swapped {
    Done,
    Held(Vec<u8>),
    Nothing,
}

impl Engine {
    /// Claims a session's join code, if it has one; whether it has it now.
    pub(super) async fn claim(&self, session: &GameSession, at: Moment, until: Instant) -> StoreResult<bool> {
        let Some(code) = &session.state.join_code else { return Ok(true) };
        self.claim_code(code, &session.id, &session.state, at.now, until).await
    }

    /// Claims the codes that commands of a batch change to, each with its command's place. Gives the
    /// place of one whose code is taken; then, as after an error, all of them are free again.
    pub(super) async fn claim_all(
        &self,
        id: &SessionId,
        before: &SessionState,
        codes: &[(usize, JoinCode)],
        now: Timestamp,
        until: Instant,
    ) -> StoreResult<Option<usize>> {
        for (n, (place, code)) in codes.iter().enumerate() {
            if before.join_code.as_ref() == Some(code) {
                continue;
            }
            let claimed = self.claim_code(code, id, before, now, until).await;
            if !matches!(claimed, Ok(true)) {
                self.release_all(id, codes[..n].iter().map(|(_, code)| code), before, until).await;
                return claimed.map(|_| Some(*place));
            }
        }
        Ok(None)
    }

    /// Frees these codes of a session but the one that it keeps.
    pub(super) async fn release_all<'a>(
        &self,
        id: &SessionId,
        codes: impl Iterator<Item = &'a JoinCode>,
        kept: &SessionState,
        until: Instant,
    ) {
        for code in codes.filter(|code| kept.join_code.as_ref() != Some(code)) {
            self.release_code(code, id, kept.nonce, until).await;
        }
    }

    async fn claim_code(
        &self,
        code: &JoinCode,
        id: &SessionId,
        state: &SessionState,
        now: Timestamp,
        until: Instant,
    ) -> StoreResult<bool> {
        let own = Holder { id: id.clone(), nonce: state.nonce, claimed: now };
        let kept = self.code_kept_for(state, now);
        let mut expected = Vec::new();
        for _ in 0..MOST_TRIES {
            match self.swap(code, &expected, &own.text(), kept, until).await {
                Ok(Swapped::Done) => return Ok(true),
                Ok(Swapped::Nothing) => expected.clear(),
                // A claim whose answer was lost.
                Ok(Swapped::Held(held)) if held == own.text().as_bytes() => return Ok(true),
                Ok(Swapped::Held(held)) => {
                    if self.is_taken(&held, code, &own, until).await? {
                        return Ok(false);
                    }
                    expected = held;
                }
                Err(failure) => failure.wait_to_retry(until).await?,
            }
        }
        Err(StoreError::Busy)
    }

    /// Whether a live session holds the code, or one that is just being stored.
    async fn is_taken(&self, held: &[u8], code: &JoinCode, own: &Holder, until: Instant) -> StoreResult<bool> {
        let Some(holder) = Holder::read(held) else { return Ok(false) };
        let state = match self.state(&holder.id, until).await {
            // It may well hold the code.
            Err(StoreError::Corrupt { .. }) => return Ok(true),
            held => held?.map(|held| held.state),
        };
        let claims = state.filter(|state| state.nonce == holder.nonce && state.join_code.as_ref() == Some(code));
        Ok(match claims {
            Some(state) => state.life.is_live(own.claimed),
            None => holder.id != own.id && own.claimed.since(holder.claimed) < STORING,
        })
    }

    /// Frees a session's join code, unless another holds it by now. If that fails, the code is free
    /// all the same as soon as somebody asks for it: its session is gone.
    pub(super) async fn release(&self, id: &SessionId, state: &SessionState, until: Instant) {
        if let Some(code) = &state.join_code {
            self.release_code(code, id, state.nonce, until).await;
        }
    }

    async fn release_code(&self, code: &JoinCode, id: &SessionId, nonce: u64, until: Instant) {
        let Ok(Some(held)) = self.holder(code, until).await else { return };
        if Holder::read(&held).is_some_and(|holder| holder.id == *id && holder.nonce == nonce) {
            drop(self.swap(code, &held, "", Millis(0), until).await);
        }
    }

    /// The live session that holds a code.
    pub(super) async fn find(&self, code: &JoinCode, now: Timestamp, until: Instant) -> StoreResult<Option<SessionId>> {
        let held = self.holder(code, until).await.map_err(Failure::of_read)?;
        let Some(holder) = held.and_then(|held| Holder::read(&held)) else { return Ok(None) };
        let state = self.state(&holder.id, until).await?.map(|held| held.state);
        let holds = |state: &SessionState| {
            state.nonce == holder.nonce && state.join_code.as_ref() == Some(code) && state.life.is_live(now)
        };
        Ok(state.filter(holds).map(|_| holder.id))
    }

    async fn holder(&self, code: &JoinCode, until: Instant) -> Result<Option<Vec<u8>>, Failure> {
        self.link.read(redis::cmd("GET").arg(join_key(code)), until).await
    }

    async fn swap(
        &self,
        code: &JoinCode,
        expected: &[u8],
        new: &str,
        kept: Millis,
        until: Instant,
    ) -> Result<Swapped, Failure> {
        let kept = kept.0.max(1).to_string();
        let args = [expected, new.as_bytes(), kept.as_bytes()];
        match self.link.run::<Value>(&SWAP, &[&join_key(code)], &args, until).await? {
            Value::Int(1) => Ok(Swapped::Done),
            Value::BulkString(held) => Ok(Swapped::Held(held)),
            _ => Ok(Swapped::Nothing),
        }
    }
}
