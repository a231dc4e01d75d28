//! A player of solo games over HTTP. It repeats what got no reply, with the same key, and compares everything
//! that it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::super::questions::{any_answer, questions};
use super::super::server::KEY;
use super::Soak;
use super::game_record::{Finding, GameRecord};
use crate::client::{ClientAnswer, Method, Reply};

/// The delay before a request is sent again.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a request is repeated.
const PATIENCE: Duration = Duration::from_secs(60);
/// One answer in this many is sent again after its verdict, and one in this many is followed by another answer.
const MISCHIEF: u64 = 10;
/// One game in this many is left in the middle.
const ABANDONED: u64 = 20;
/// One answer in this many comes after a reload of the page.
const RELOADS: u64 = 20;

/// The game can't go on. The reason is in the stats.
struct BrokenGame;

/// A solo player.
pub(super) struct SoloPlayer {
    soak: Arc<Soak>,
    rng: fastrand::Rng,
    pace: Interval,
    questions: Vec<Value>,
}

impl SoloPlayer {
    pub(super) fn new(soak: Arc<Soak>, seed: u64) -> Self {
        let mut pace = interval(soak.options.pause());
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let questions = questions(soak.options.round.questions);
        Self { soak, rng: fastrand::Rng::with_seed(seed), pace, questions }
    }

    /// Plays one game after the other until the soak ends.
    pub(super) async fn play(mut self) {
        let mut last: Option<GameRecord> = None;
        while !self.soak.ending.is_cancelled() {
            let played = self.game().await;
            // What was final must still be there, also if the server was killed since then.
            if let Some(last) = last.take() {
                let _ = self.results(&last, "results of a finished game").await;
            }
            match played {
                Ok(played) => last = played,
                // Slow down: a server that refuses everything should not be flooded.
                Err(BrokenGame) => sleep(Duration::from_secs(1)).await,
            }
        }
    }

    /// Plays one game. Returns it if it was played to its end.
    async fn game(&mut self) -> Result<Option<GameRecord>, BrokenGame> {
        let id = uuid::Builder::from_random_bytes(self.rng.u128(..).to_le_bytes()).into_uuid().to_string();
        let mut record = GameRecord::new(id);
        let create = json!({ "sessionId": record.id, "questions": self.questions });
        let created = self.ask(&record, "creating", "/api/game/session", Some(&create), "create").await?;
        let shown = created["questions"].as_array().cloned().unwrap_or_default();
        let leaves_at = (self.rng.u64(..ABANDONED) == 0).then(|| self.rng.usize(..shown.len().max(1)));
        for (place, question) in shown.iter().enumerate() {
            if leaves_at == Some(place) {
                self.soak.stats.count(|counts| counts.abandoned += 1);
                return Ok(None);
            }
            self.pace.tick().await;
            if self.rng.u64(..RELOADS) == 0 {
                self.reload(&record).await?;
            }
            self.answer(&mut record, question).await?;
        }
        self.results(&record, "results").await?;
        self.award(&record).await?;
        self.soak.stats.count(|counts| counts.games += 1);
        Ok(Some(record))
    }

    async fn answer(&mut self, record: &mut GameRecord, question: &Value) -> Result<(), BrokenGame> {
        let answer = any_answer(question, &mut self.rng);
        let key = question["questionId"].as_str().unwrap_or_default();
        let body = answer_body(record, question, &answer);
        let sent = Instant::now();
        let verdict = self.ask(record, "answering", "/api/game/answer", Some(&body), key).await?;
        self.soak.stats.replied(sent, sent.elapsed());
        self.soak.stats.count(|counts| counts.answers += 1);
        self.soak.stats.found(record.verdict(question, &answer, &verdict));
        if self.rng.u64(..MISCHIEF) == 0 {
            let again = self.ask(record, "repeating", "/api/game/answer", Some(&body), key).await?;
            self.soak.stats.found(record.repeated(&again));
        }
        if self.rng.u64(..MISCHIEF) == 0 {
            self.second_answer(record, question).await?;
        }
        Ok(())
    }

    /// Answers a question again under another key, which must be refused.
    async fn second_answer(&mut self, record: &GameRecord, question: &Value) -> Result<(), BrokenGame> {
        let body = answer_body(record, question, &any_answer(question, &mut self.rng));
        let reply = self.until_answered(record, "/api/game/answer", Some(&body), Some("second")).await?;
        let code = reply.body["code"].as_str().unwrap_or_default();
        if reply.status == 200 {
            let what = format!("{}: a second answer was accepted: {}", record.id, reply.text);
            self.soak.stats.found([Finding::Doubled(1, what)]);
        } else if !["question-not-open", "session-finished"].contains(&code) {
            self.soak.stats.found([record.wrong(format!("a second answer got {}: {}", reply.status, reply.text))]);
        }
        Ok(())
    }

    /// Compares a running game with what the player knows, like a page that is reloaded.
    async fn reload(&self, record: &GameRecord) -> Result<(), BrokenGame> {
        let game = self.look(record, &format!("/api/game/session/{}", record.id), "a reload").await?;
        self.soak.stats.found(record.compare(&game, "a reload"));
        Ok(())
    }

    async fn results(&self, record: &GameRecord, by: &str) -> Result<(), BrokenGame> {
        let results = self.look(record, &format!("/api/game/results/{}", record.id), by).await?;
        self.soak.stats.found(record.compare(&results, by));
        Ok(())
    }

    /// Claims the award twice: the first claim gets it, the second does not.
    async fn award(&self, record: &GameRecord) -> Result<(), BrokenGame> {
        let path = format!("/api/game/results/{}/award", record.id);
        let first = self.ask(record, "claiming", &path, None, "first").await?;
        if first["awarded"] != true {
            self.soak.stats.found([record.wrong(format!("the first claim got no award: {first}"))]);
        }
        let second = self.ask(record, "claiming again", &path, None, "second").await?;
        if second["awarded"] != false {
            self.soak.stats.found([Finding::Doubled(1, format!("{}: the award was given twice", record.id))]);
        }
        Ok(())
    }

    /// Reads a page of the game, which must be there.
    async fn look(&self, record: &GameRecord, path: &str, by: &str) -> Result<Value, BrokenGame> {
        let reply = self.until_answered(record, path, None, None).await?;
        self.good(record, by, reply)
    }

    /// Posts a request that must succeed.
    async fn ask(
        &self,
        record: &GameRecord,
        what: &str,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> Result<Value, BrokenGame> {
        let reply = self.until_answered(record, path, body, Some(key)).await?;
        self.good(record, what, reply)
    }

    fn good(&self, record: &GameRecord, what: &str, reply: Reply) -> Result<Value, BrokenGame> {
        if (200..300).contains(&reply.status) {
            return Ok(reply.body);
        }
        let finding = if reply.body["code"] == "session-not-found" {
            record.gone(what)
        } else {
            record.wrong(format!("{what}: {} {}", reply.status, reply.text))
        };
        self.soak.stats.found([finding]);
        Err(BrokenGame)
    }

    /// Sends a request until it has a reply other than 503. With a key it is a POST, else a GET.
    async fn until_answered(
        &self,
        record: &GameRecord,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Reply, BrokenGame> {
        let begun = Instant::now();
        loop {
            let sent = Instant::now();
            let reply = match key {
                Some(key) => self.soak.api.post_as(path, Some(KEY), body, key).await,
                None => self.soak.api.call(Method::GET, path, None, None).await,
            };
            let failure = match reply {
                Ok(reply) if reply.status != 503 => return Ok(reply),
                Ok(reply) => reply.text,
                Err(error) => format!("{:#}", anyhow::Error::from(error)),
            };
            if !self.soak.stats.was_away(sent) {
                self.soak.stats.found([record.wrong(format!("{path} failed while the server ran: {failure}"))]);
            }
            if begun.elapsed() > PATIENCE {
                self.soak.stats.found([record.wrong(format!("{path}: no reply in {} s", PATIENCE.as_secs()))]);
                return Err(BrokenGame);
            }
            self.soak.stats.count(|counts| counts.repeats += 1);
            sleep(AGAIN).await;
        }
    }
}

fn answer_body(record: &GameRecord, question: &Value, answer: &ClientAnswer) -> Value {
    let mut body = json!(answer);
    body["sessionId"] = record.id.as_str().into();
    body["questionId"] = question["questionId"].clone();
    body
}
