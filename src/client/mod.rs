//! A client of rooms: it keeps a seat through cut connections and killed servers, and checks while it
//! plays that the server keeps its promises.
//!
//! This is what the tests and `rejoin drill` play with, and the model for clients in other languages:
//! `docs/rooms.md`, "Coming back, in ten lines", is what it does, and the comments here name the
//! lines. Nothing in here knows the server's own code.
//!
//! | file | what lives there |
//! | --- | --- |
//! | `http`, `ticket` | opening a room, joining it, and every other URL |
//! | `connection`, `answer` | what the user holds: answers, moves, `cut` |
//! | `task` | the live connection: one task that loses it and comes back |
//! | `socket`, `frames` | frames on the wire, and as types |
//! | `schedule`, `rhythm`, `pending` | when to try again; when to speak; what is still unanswered. Pure |
//! | `checker`, `sequence`, `game` | the promises, held against what comes. Pure |
//!
//! ```text
//! let api = Api::new(Bases::one("http://127.0.0.1:8080"));
//! let seat = api.join("ABC234", "Ada").await?;
//! let (connection, mut happenings) = connect(seat.ticket, Options::new(api.bases()));
//! while let Some(happening) = happenings.recv().await {
//!     if let Happening::Event(event) = happening && event.event == "question" {
//!         connection.answer(event.question_id().unwrap_or_default(), Some(2)).await?;
//!     }
//! }
//! ```

mod answer;
mod backoff;
mod checker;
mod connection;
mod credentials;
mod dice;
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
pub use dice::Dice;
pub use endpoints::Endpoints;
pub use event::{ClientEvent, ConnectionLost, StopReason};
pub use frames::{EventFrame, PresenceFrame, Welcome};
pub use http::{Api, CallError, Opened, Reply, TakenSeat};
pub use pending::AskError;
pub use reqwest::Method;
pub use violations::{Back, Stats, Violations};
