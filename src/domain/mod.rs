//! The rules: what a session is, what a command does to it, what a player may see.
//!
//! Pure: no async, no I/O, no clock, no chance. Time and chance come in as arguments, changes go
//! out as values, so the same rules hold on every engine.

pub mod answer;
pub mod commands;
pub mod events;
pub mod finished;
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
