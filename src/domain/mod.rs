//! The game rules: the state of a session, its commands, and what each player may see.
//!
//! Everything here is pure: no async, no I/O, no clock and no random source. Time and random values come in
//! as arguments, and changes go out as values, so every store applies the same rules.

pub mod answer;
pub mod commands;
pub mod events;
pub mod finished;
#[cfg(test)]
mod fuzz;
pub mod idempotency;
pub mod ids;
pub mod life;
pub mod markup;
pub mod name;
pub mod number;
pub mod quiz;
pub mod refusal;
pub mod room;
pub mod scoring;
pub mod secret;
pub mod session;
pub mod solo;
pub mod time;

pub use answer::Answer;
pub use commands::{Applied, Command, Reply, Submission};
pub use events::{Event, EventDraft, Sequence};
pub use idempotency::{Idempotency, IdempotencyKey};
pub use ids::{InstanceName, JoinCode, OptionId, Owner, QuestionId, QuizId, SeatId, SessionId, UserId};
pub use life::{Life, Lifetimes};
pub use name::{PlayerName, SkeletonHash};
pub use number::Number;
pub use quiz::{AnswerKey, Choice, ChoiceKey, Difficulty, Kind, Question, Quiz};
pub use refusal::{NotOpen, Refusal};
pub use room::{Room, RoomCommand, RoomReply};
pub use secret::{SecretHash, Token};
pub use session::{Game, GameSession, SessionState};
pub use time::{Deadline, Millis, Moment, Timestamp, WallTime};
