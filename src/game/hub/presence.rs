//! The presence that is published to a room's subscribers. Its frame is serialized once for all of them.

use bytes::Bytes;
use parking_lot::Mutex;

use crate::domain::WallTime;
use crate::domain::room::Presence;

/// Maximum age of a cached frame, in milliseconds. A frame contains the server's time, so an older one is made again.
const FRESH_MS: u64 = 100;

/// A published presence, with its cached frame.
#[derive(Debug)]
pub struct ShownPresence {
    presence: Presence,
    /// The cached frame, and the time that it contains.
    frame: Mutex<Option<(WallTime, Bytes)>>,
}

impl ShownPresence {
    pub(super) fn new(presence: Presence) -> Self {
        Self { presence, frame: Mutex::new(None) }
    }

    /// The connected seats, and how many have answered.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// The frame for sending at `now`. `make` is called only if no cached frame is fresh.
    pub fn frame(&self, now: WallTime, make: impl FnOnce(&Presence) -> Bytes) -> Bytes {
        let mut frame = self.frame.lock();
        match &*frame {
            Some((made, bytes)) if now.0.abs_diff(made.0) <= FRESH_MS => bytes.clone(),
            _ => {
                let bytes = make(&self.presence);
                *frame = Some((now, bytes.clone()));
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_made_once_for_all_and_anew_for_who_comes_later() {
        let shown = ShownPresence::new(Presence { present: Vec::new(), answered: 0 });
        let mut made = 0;
        let mut frame = |now: u64| {
            shown.frame(WallTime(now), |_| {
                made += 1;
                Bytes::from(vec![made])
            })
        };
        let frames = [1_000, 1_000, 1_100, 1_101, 1_150, 1_000].map(|now| frame(now)[0]);
        assert_eq!(frames, [1, 1, 1, 2, 2, 3], "and anew when the clock was set back");
    }
}
