//! Join codes.
//!
//! Each code has its own key, which is in another cluster slot than its session and so can't be part of the
//! session's commit. The key names the session that claimed the code. The claim is valid only as long as that
//! session is alive and its state names the same code.

use redis::Value;
use tokio::time::Instant;

use super::engine::Engine;
use super::failure::Failure;
use super::join_key;
use super::scripts::SWAP;
use crate::domain::{GameSession, JoinCode, Millis, Moment, SessionId, SessionState, Timestamp};
use crate::store::error::{StoreError, StoreResult};

/// For this long, a claim without a session may belong to a session that is just being stored.
const STORING: Millis = Millis::seconds(2);
/// Maximum number of attempts for one claim when other claims are faster.
const MOST_TRIES: usize = 8;

/// The session that claimed a code, and the time of the claim. Stored as `<id> <nonce in hex> <ms>`.
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

/// The result of a compare-and-swap of a code's value.
enum Swapped {
    /// The new value was written.
    Done,
    /// Another value is stored: this one.
    Held(Vec<u8>),
    /// No value is stored, although one was expected.
    Nothing,
}

impl Engine {
    /// Claims a session's join code. Returns false if another session has it, and true if the session has no
    /// code.
    pub(super) async fn claim(&self, session: &GameSession, at: Moment, until: Instant) -> StoreResult<bool> {
        let Some(code) = &session.state.join_code else { return Ok(true) };
        self.claim_code(code, &session.id, &session.state, at.now, until).await
    }

    /// Claims the codes that commands of a batch change to. Each code comes with the index of its command. If
    /// a code is taken, returns the index of its command. In that case, and after an error, the codes claimed
    /// so far are freed again.
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

    /// Frees these codes of a session, except the one in the state `kept`.
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
                // Our own claim, from an earlier try whose answer was lost.
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

    /// True if the code belongs to a live session, or to one that is just being stored.
    async fn is_taken(&self, held: &[u8], code: &JoinCode, own: &Holder, until: Instant) -> StoreResult<bool> {
        let Some(holder) = Holder::read(held) else { return Ok(false) };
        let state = match self.state(&holder.id, until).await {
            // A session that can't be read may still hold the code.
            Err(StoreError::Corrupt { .. }) => return Ok(true),
            held => held?.map(|held| held.state),
        };
        let claims = state.filter(|state| state.nonce == holder.nonce && state.join_code.as_ref() == Some(code));
        Ok(match claims {
            Some(state) => state.life.is_live(own.claimed),
            None => holder.id != own.id && own.claimed.since(holder.claimed) < STORING,
        })
    }

    /// Frees a session's join code, unless another session holds it by now. A failure does no harm: without
    /// its session the claim is no longer valid.
    pub(super) async fn release(&self, id: &SessionId, state: &SessionState, until: Instant) {
        if let Some(code) = &state.join_code {
            self.release_code(code, id, state.nonce, until).await;
        }
    }

    async fn release_code(&self, code: &JoinCode, id: &SessionId, nonce: u64, until: Instant) {
        let Ok(Some(held)) = self.holder(code, until).await else { return };
        if Holder::read(&held).is_some_and(|holder| holder.id == *id && holder.nonce == nonce) {
            // Swap against the value that was just read, so that a newer claim is not removed.
            drop(self.swap(code, &held, "", Millis(0), until).await);
        }
    }

    /// Returns the id of the live session that holds a code.
    pub(super) async fn find(&self, code: &JoinCode, now: Timestamp, until: Instant) -> StoreResult<Option<SessionId>> {
        let held = self.holder(code, until).await.map_err(Failure::of_read)?;
        let Some(holder) = held.and_then(|held| Holder::read(&held)) else { return Ok(None) };
        let state = self.state(&holder.id, until).await?.map(|held| held.state);
        let holds = |state: &SessionState| {
            state.nonce == holder.nonce && state.join_code.as_ref() == Some(code) && state.life.is_live(now)
        };
        Ok(state.filter(holds).map(|_| holder.id))
    }

    /// Reads the stored claim on a code, valid or not.
    async fn holder(&self, code: &JoinCode, until: Instant) -> Result<Option<Vec<u8>>, Failure> {
        self.link.read(redis::cmd("GET").arg(join_key(code)), until).await
    }

    /// Replaces the stored claim if it is `expected`. Empty text means "no claim" for both the expected and
    /// the new value. `kept` is the TTL.
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
