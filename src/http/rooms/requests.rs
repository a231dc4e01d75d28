//! The bodies and queries of the rooms API, and their checks.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::super::auth::ApiCaller;
use super::super::problem::Problem;
use super::super::quiz_choice::{QuizFields, quiz_choice};
use crate::domain::ids::{InvalidId, code_as_meant};
use crate::domain::quiz::draft::QuestionDraft;
use crate::domain::room::{Advance, HostAway, Room, RoomSettings};
use crate::domain::scoring::Scoring;
use crate::domain::{Difficulty, JoinCode, Millis, PlayerName, QuestionId, QuizId, Sequence, SessionId, UserId};
use crate::game::rooms::{Again, NewRoom, RoomQuiz};
use crate::game::solo::QuizChoice;
use crate::quizzes::{Catalogue, Order, PlayMode, QuestionCount};

const TIME_LIMIT_MS: RangeInclusive<u64> = 1_000..=3_600_000;
const READY_MS: RangeInclusive<u64> = 0..=60_000;
const REVEAL_MS: RangeInclusive<u64> = 0..=600_000;
const AWAY_MS: RangeInclusive<u64> = 1_000..=600_000;
const SEATS: RangeInclusive<u64> = 1..=1_000;
/// Maximum seats times questions of a room that was opened with an API key. All answers of a room are stored in one
/// record.
const MOST_ANSWERS: u64 = 40_000;
/// The same for a room that was opened without an API key.
const MOST_ANSWERS_WITHOUT_KEY: u64 = 10_000;
/// The host's name if the request has no `hostName`.
const HOST_NAME: &str = "Host";
/// Rooms of a page of an owner's list if the request has no `limit`.
const USUAL_ROOMS: usize = 50;
/// Maximum `limit` of such a page.
const MOST_ROOMS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    #[default]
    Quiz,
    External,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct OpenRequest {
    #[serde(default)]
    mode: Mode,
    quiz_id: Option<QuizId>,
    category: Option<String>,
    difficulty: Option<Difficulty>,
    count: Option<QuestionCount>,
    order: Option<Order>,
    option_order: Option<Order>,
    exclude: Option<Vec<QuestionId>>,
    question_ids: Option<Vec<QuestionId>>,
    questions: Option<Vec<QuestionDraft>>,
    scoring: Option<Scoring>,
    host_name: Option<NameIn>,
    time_limit_ms: Option<u64>,
    ready_ms: Option<u64>,
    reveal_ms: Option<u64>,
    advance: Option<Advance>,
    late_join: Option<bool>,
    max_seats: Option<u64>,
    host_plays: Option<bool>,
    host_away: Option<HostAway>,
    away_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct JoinRequest {
    pub(super) join_code: String,
    name: Option<NameIn>,
    pub(super) seat_code: Option<String>,
}

/// A player's name in a request. It is checked here; names that are read from the store are not checked again.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::http) struct NameIn(pub(super) PlayerName);

impl TryFrom<String> for NameIn {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// The two ways to join: with a name for a new seat, or with the code of an existing seat.
pub(super) enum Joining {
    New(PlayerName),
    ByCode(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct ResumeRequest {
    pub(super) epoch: Option<String>,
    pub(super) last_sequence: Option<Sequence>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(in crate::http) struct SeatRequest {
    pub(super) user_id: Option<UserId>,
    pub(super) name: NameIn,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct EventsQuery {
    #[serde(default)]
    pub(super) after: u64,
    pub(super) epoch: Option<String>,
    pub(super) limit: Option<usize>,
    pub(super) wait_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct OwnedQuery {
    after: Option<String>,
    limit: Option<usize>,
}

impl OwnedQuery {
    /// The id after which the page begins, and the limit.
    pub(super) fn page(self) -> Result<(Option<SessionId>, usize), Problem> {
        let after = self.after.map(|id| id.parse().map_err(|_| Problem::wrong("after", "must be a roomId")));
        let limit = self.limit.unwrap_or(USUAL_ROOMS);
        if !(1..=MOST_ROOMS).contains(&limit) {
            return Err(Problem::wrong("limit", format!("1 to {MOST_ROOMS}")));
        }
        Ok((after.transpose()?, limit))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::http) struct ResultsQuery {
    #[serde(default)]
    pub(super) format: ResultsFormat,
    #[serde(default)]
    pub(super) separator: CsvSeparator,
}

/// The separator of table cells. In many countries spreadsheets expect a semicolon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CsvSeparator {
    #[default]
    Comma,
    Semicolon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ResultsFormat {
    #[default]
    Json,
    Csv,
}

impl OpenRequest {
    /// Checks a request for a new room. `quiz` was taken out of the request with [`OpenRequest::take_quiz`];
    /// `questions` is the upper bound of its number of questions.
    pub(super) fn into_new(self, quiz: QuizFields, questions: u64, caller: &ApiCaller) -> Result<NewRoom, Problem> {
        let (mut settings, owner) = (self.settings(&RoomSettings::default())?, caller.owner());
        if quiz.questions.is_some() {
            caller.must_be_trusted("questions")?;
        }
        if self.mode == Mode::External {
            // The backend of an external room needs an API key for its other requests, too.
            if owner.is_none() {
                return Err(ApiCaller::key_required("an external room"));
            }
            self.has_no_quiz(&quiz)?;
            return Ok(NewRoom { settings, quiz: RoomQuiz::External, owner });
        }
        let host = match self.host_name.clone() {
            Some(NameIn(name)) => name,
            None => HOST_NAME.parse().expect("it is a name"),
        };
        let choice = quiz_choice(quiz, caller)?;
        self.fit_into_record(&mut settings, questions, owner.is_some())?;
        Ok(NewRoom { settings, quiz: RoomQuiz::Quiz(choice, host), owner })
    }

    /// Checks a request for the successor of the finished room `old`. A setting that is left out stays as it was
    /// there. `same` is the old room's quiz, and `has_key` says whether that room was opened with an API key.
    pub(super) fn into_again(
        mut self,
        old: &Room,
        same: QuizChoice,
        (caller, has_key): (&ApiCaller, bool),
        catalogue: &Catalogue,
    ) -> Result<Again, Problem> {
        if self.mode == Mode::External || self.host_name.is_some() {
            let name = if self.host_name.is_some() { "hostName" } else { "mode" };
            return Err(Problem::wrong(name, "stays as it was"));
        }
        let mut quiz = self.take_quiz();
        if quiz.questions.is_some() {
            caller.must_be_trusted("questions")?;
        }
        let (quiz, questions) = if quiz == QuizFields::default() {
            let count = same.question_count();
            (same, count)
        } else {
            if let QuizChoice::Bank(Some(bank), _) = same
                && quiz.questions.is_none()
            {
                quiz.quiz_id.get_or_insert(bank);
            }
            let count = quiz.question_count(catalogue, PlayMode::Rooms);
            (quiz_choice(quiz, caller)?, count)
        };
        let mut settings = self.settings(old.settings())?;
        self.fit_into_record(&mut settings, questions, has_key)?;
        let seats = old.coming_along();
        if settings.max_seats < u32::try_from(seats).unwrap_or(u32::MAX) {
            let (name, why) = match self.max_seats {
                Some(_) => ("maxSeats", String::new()),
                None => ("count", format!(": {}", most_seats_in_record(questions, has_key).1)),
            };
            return Err(Problem::wrong(name, format!("{seats} seats come along{why}")));
        }
        Ok(Again { settings, quiz })
    }

    /// Limits the seats, because the answers of all seats to all questions are stored in one record. Without
    /// `maxSeats` the limit is lowered silently; a `maxSeats` beyond it is an error.
    fn fit_into_record(&self, settings: &mut RoomSettings, questions: u64, has_key: bool) -> Result<(), Problem> {
        let in_record = most_seats_in_record(questions, has_key);
        if self.max_seats.is_none() {
            settings.max_seats = settings.max_seats.min(in_record.0);
        }
        settings.most_seats_in_record = enough(settings.max_seats, in_record)?;
        Ok(())
    }

    /// The checked settings of the request. A setting that is left out is taken from `usual`.
    fn settings(&self, usual: &RoomSettings) -> Result<RoomSettings, Problem> {
        let max_seats = within("maxSeats", self.max_seats, SEATS, u64::from(usual.max_seats))?;
        Ok(RoomSettings {
            time_limit: Millis(within("timeLimitMs", self.time_limit_ms, TIME_LIMIT_MS, usual.time_limit.0)?),
            ready: Millis(within("readyMs", self.ready_ms, READY_MS, usual.ready.0)?),
            reveal: Millis(within("revealMs", self.reveal_ms, REVEAL_MS, usual.reveal.0)?),
            away: Millis(within("awayMs", self.away_ms, AWAY_MS, usual.away.0)?),
            max_seats: max_seats as u32,
            most_seats_in_record: max_seats as u32,
            joins_a_minute: RoomSettings::usual_joins_a_minute(max_seats as u32),
            advance: self.advance.unwrap_or(usual.advance),
            late_join: self.late_join.unwrap_or(usual.late_join),
            host_plays: self.host_plays.unwrap_or(usual.host_plays),
            host_away: self.host_away.unwrap_or(usual.host_away),
        })
    }

    /// Refuses fields that an external room doesn't have.
    fn has_no_quiz(&self, quiz: &QuizFields) -> Result<(), Problem> {
        let fields = [
            ("quizId", quiz.quiz_id.is_some()),
            ("category", quiz.category.is_some()),
            ("difficulty", quiz.difficulty.is_some()),
            ("count", quiz.count.is_some()),
            ("order", quiz.order.is_some()),
            ("optionOrder", quiz.option_order.is_some()),
            ("exclude", quiz.exclude.is_some()),
            ("questionIds", quiz.question_ids.is_some()),
            ("questions", quiz.questions.is_some()),
            ("scoring", quiz.scoring.is_some()),
            ("hostName", self.host_name.is_some()),
        ];
        let used = fields.iter().find(|(_, is_used)| *is_used);
        used.map_or(Ok(()), |(name, _)| Err(Problem::wrong(name, "an external room has no quiz and no host")))
    }

    /// Moves the fields that select the questions out of the request.
    pub(super) fn take_quiz(&mut self) -> QuizFields {
        QuizFields {
            quiz_id: self.quiz_id.take(),
            category: self.category.take(),
            difficulty: self.difficulty,
            count: self.count,
            order: self.order,
            option_order: self.option_order,
            exclude: self.exclude.take(),
            question_ids: self.question_ids.take(),
            questions: self.questions.take(),
            scoring: self.scoring.take(),
        }
    }
}

/// How many seats fit into the record with this number of questions, and the explanation for the client.
fn most_seats_in_record(questions: u64, has_key: bool) -> (u32, String) {
    let (most, whose) = if has_key { (MOST_ANSWERS, "") } else { (MOST_ANSWERS_WITHOUT_KEY, " without an API key") };
    let seats = u32::try_from(most / questions.max(1)).unwrap_or(u32::MAX);
    (seats, format!("maxSeats times count is at most {most}{whose}"))
}

/// Checks that `max_seats` fit into the record. Returns how many do.
fn enough(max_seats: u32, (in_record, why): (u32, String)) -> Result<u32, Problem> {
    if max_seats > in_record { Err(Problem::wrong("maxSeats", why)) } else { Ok(in_record) }
}

/// The given value if it is within the bounds, or `usual` if none is given.
fn within(name: &str, given: Option<u64>, bounds: RangeInclusive<u64>, usual: u64) -> Result<u64, Problem> {
    match given {
        Some(given) if !bounds.contains(&given) => {
            Err(Problem::wrong(name, format!("{} to {}", bounds.start(), bounds.end())))
        }
        given => Ok(given.unwrap_or(usual)),
    }
}

impl JoinRequest {
    /// The join code, without the spaces and dashes that people type, and in upper case.
    pub(super) fn code(&self) -> Result<JoinCode, Problem> {
        code_as_meant(&self.join_code).parse().map_err(|_| Problem::of(crate::game::GameError::CodeUnknown, None))
    }

    /// How the player joins. Exactly one of `name` and `seatCode` must be given.
    pub(super) fn joining(self) -> Result<Joining, Problem> {
        match (self.name, self.seat_code) {
            (Some(NameIn(name)), None) => Ok(Joining::New(name)),
            (None, Some(code)) => Ok(Joining::ByCode(code_as_meant(&code))),
            (None, None) => Err(Problem::wrong("name", "missing")),
            (Some(_), Some(_)) => Err(Problem::wrong("seatCode", "cannot stand together with name")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::fuzzing::{Accepted, BodyEdits, edited_body};
    use crate::http::json;

    #[test]
    fn any_body_is_a_new_room_or_a_problem() {
        let samples = [
            r#"{"quizId": "civics", "count": 20, "order": "shuffle", "hostName": "Ada", "timeLimitMs": 20000,
                "readyMs": 0, "revealMs": 400, "advance": "auto", "lateJoin": true, "maxSeats": 30,
                "hostPlays": true, "hostAway": "pause", "awayMs": 5000}"#,
            r#"{"mode": "external", "maxSeats": 4}"#,
        ];
        let samples = samples.map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        let backend = ApiCaller::Backend("school".parse().expect("a name"));
        let accepted = Accepted::default();
        bolero::check!().with_type::<(u8, u8, BodyEdits)>().for_each(|(sample, questions, edits)| {
            let body = edited_body(&samples[usize::from(*sample) % samples.len()], edits);
            for caller in [&backend, &ApiCaller::Open, &ApiCaller::Player] {
                let Ok(mut request) = json::parse::<OpenRequest>(&body) else { return };
                let quiz = request.take_quiz();
                let new = request.into_new(quiz, u64::from(*questions), caller);
                accepted.count(new.is_ok());
                let Ok(new) = new else { continue };
                let RoomSettings { max_seats, most_seats_in_record, .. } = new.settings;
                assert!(SEATS.contains(&u64::from(max_seats)) && max_seats <= most_seats_in_record);
                let is_external = matches!(new.quiz, RoomQuiz::External);
                let answers = u64::from(max_seats) * u64::from(*questions);
                assert!(is_external || answers <= MOST_ANSWERS, "{max_seats} seats, {questions} questions");
            }
        });
        accepted.some("new rooms");
    }

    #[test]
    fn any_body_is_a_join_or_a_problem() {
        let sample = r#"{"joinCode": "ABC-234", "name": "Ada", "seatCode": "abcd 2345"}"#;
        let sample = serde_json::from_str::<Value>(sample).expect("JSON");
        bolero::check!().with_type::<BodyEdits>().for_each(|edits| {
            let body = edited_body(&sample, edits);
            let Ok(request) = json::parse::<JoinRequest>(&body) else { return };
            let code = request.code();
            assert!(code.is_ok_and(|code| code.as_str().len() == 6) || request.code().is_err());
            let _ = request.joining();
        });
    }
}
