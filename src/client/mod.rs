//! A client for rooms. It keeps a seat through lost connections and killed servers. While it plays, it checks
//! that the server follows the protocol.
//!
//! The tests and `rejoin drill` use this client. It is also the model for clients in other languages: it does
//! what "Coming back, in ten lines" in `docs/rooms.md` says, and comments such as "line 4" refer to those
//! lines. Nothing in this module uses the server's code.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `http`, `credentials` | opening a room, joining it, and every other URL |
//! | `connection`, `answer` | what the caller holds: answers, host moves, `cut` |
//! | `task` | one task that holds the live connection, loses it, and reconnects |
//! | `socket`, `frames` | frames on the wire, and frames as types |
//! | `backoff`, `keep_alive`, `pending` | retry delays, heartbeats and acks, requests without a reply. Pure |
//! | `checker`, `sequence`, `game` | checks every frame against the protocol. Pure |
//!
//! ```text
//! let api = Api::new(Endpoints::one("http://127.0.0.1:8080"));
//! let seat = api.join("ABC234", "Ada").await?;
//! let (connection, mut events) = connect(seat.ticket, ConnectOptions::new(api.bases()));
//! while let Some(event) = events.recv().await {
//!     if let ClientEvent::Event(event) = event && event.event == "question" {
//!         connection.answer(event.question_id().unwrap_or_default(), Some(2)).await?;
//!     }
//! }
//! ```

mod answer;
mod backoff;
mod checker;
mod connection;
mod credentials;
mod endpoints;
mod event;
mod frames;
mod game;
mod http;
mod keep_alive;
mod pending;
mod sequence;
mod socket;
mod task;
#[cfg(test)]
mod tests;
mod violations;

pub use answer::ClientAnswer;
pub use connection::{AnswerReply, ConnectOptions, Connection, Moved, Timing, connect};
pub use credentials::{SeatCredentials, Token};
pub use endpoints::Endpoints;
pub use event::{ClientEvent, ConnectionLost, StopReason};
pub use frames::{EventFrame, PresenceFrame, Welcome};
pub use http::{Api, CallError, Opened, Reply, TakenSeat};
pub use pending::AskError;
pub use reqwest::Method;
pub use violations::{Back, Stats, Violations};
