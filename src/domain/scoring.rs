//! What an answer earns: the base points or a share of them, and a speed bonus for a fully right answer, by
//! its time on the question's clock. There are no streaks: every question counts by itself.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use super::quiz::Question;
use super::time::Millis;

/// How far an answer is right: fully, not at all, or in `part` of `of` parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grade {
    part: u32,
    of: u32,
}

impl Grade {
    /// The answer is fully right.
    pub const RIGHT: Self = Self { part: 1, of: 1 };
    /// The answer is wrong, or there is none.
    pub const WRONG: Self = Self { part: 0, of: 1 };
    /// Neither right nor wrong: a poll has no right answer.
    pub const NONE: Self = Self { part: 0, of: 0 };

    /// Fully right if `is_right`, otherwise wrong.
    pub fn right_if(is_right: bool) -> Self {
        if is_right { Self::RIGHT } else { Self::WRONG }
    }

    /// Right in `part` of `of` parts.
    pub fn share(part: usize, of: usize) -> Self {
        Self { part: part.min(of) as u32, of: of as u32 }
    }

    /// Whether the answer is fully right. `None` in a poll, where nothing is right or wrong.
    pub fn verdict(self) -> Option<bool> {
        (self.of > 0).then_some(self.part == self.of)
    }

    /// Whether the answer is fully right. False in a poll.
    pub fn is_right(self) -> bool {
        self.verdict() == Some(true)
    }

    /// The share that is right, between 0 and 1. `None` if it is nothing or all.
    pub fn partial(self) -> Option<f64> {
        (self.part > 0 && self.part < self.of).then(|| f64::from(self.part) / f64::from(self.of))
    }
}

/// What an answer earns that is right in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Partial {
    /// Nothing.
    #[default]
    AllOrNothing,
    /// Its share of the base.
    Shares,
}

/// One step of the speed bonus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpeedBonus {
    /// An answer after at most this many milliseconds …
    pub within_ms: u64,
    /// … earns this many points on top.
    #[schemars(range(max = Scoring::MOST_POINTS))]
    pub points: u32,
}

/// A bank's points for a right answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Scoring {
    /// Points of every right answer.
    #[schemars(range(max = Scoring::MOST_POINTS))]
    pub base: u32,
    /// The steps of the speed bonus, fastest first; the first that fits counts.
    #[schemars(length(max = 16))]
    pub speed_bonus: Vec<SpeedBonus>,
    /// What some of the right options of a `multiple` question earn: in shares, right ones minus wrong
    /// ones, and never less than nothing.
    pub multiple: Partial,
    /// What an `order` question earns that is not all in order: in shares, the neighbours that are.
    pub order: Partial,
}

/// What a finished game earns its player in the caller's own game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProgressionRule {
    /// XP of every right answer.
    #[schemars(range(max = Scoring::MOST_POINTS))]
    pub xp_per_correct: u32,
    /// Gems of every right answer that got the full speed bonus.
    #[schemars(range(max = Scoring::MOST_POINTS))]
    pub gems_per_full_bonus: u32,
}

/// The XP and gems that a game earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progression {
    /// The experience points (XP).
    pub xp: u32,
    /// The number of gems.
    pub gems: u32,
}

/// The points that one answer earns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Points {
    /// The points for being right, or a share of them.
    pub base: u32,
    /// The extra points for being fast.
    pub speed_bonus: u32,
    /// Whether `speed_bonus` is the full bonus, which is the table's first step.
    pub full_bonus: bool,
}

impl Points {
    /// The base and the bonus together.
    pub fn sum(self) -> u32 {
        self.base.saturating_add(self.speed_bonus)
    }
}

impl Default for Scoring {
    fn default() -> Self {
        Self {
            base: 100,
            speed_bonus: vec![
                SpeedBonus { within_ms: 5_000, points: 50 },
                SpeedBonus { within_ms: 15_000, points: 25 },
            ],
            multiple: Partial::default(),
            order: Partial::default(),
        }
    }
}

impl Default for ProgressionRule {
    fn default() -> Self {
        Self { xp_per_correct: 10, gems_per_full_bonus: 1 }
    }
}

impl Scoring {
    /// The most points of the base and of a step of the bonus, so that no sum overflows.
    pub const MOST_POINTS: u32 = 1_000_000;

    /// The points of an answer that took `elapsed` on the question's clock. Halves are rounded up.
    pub fn points(&self, question: &Question, grade: Grade, elapsed: Millis) -> Points {
        let has_bonus = grade.is_right() && !question.no_speed_bonus;
        let step = self.speed_bonus.iter().position(|step| has_bonus && elapsed.0 <= step.within_ms);
        Points {
            base: multiplied(self.base, question.points, grade),
            speed_bonus: step.map_or(0, |n| multiplied(self.speed_bonus[n].points, question.points, grade)),
            full_bonus: step == Some(0),
        }
    }

    /// The problems of the table, each as (field, message).
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let steps = &self.speed_bonus;
        if self.base > Self::MOST_POINTS {
            problems.push(("base", format!("at most {}", Self::MOST_POINTS)));
        }
        if steps.len() > 16 || steps.iter().any(|step| step.points > Self::MOST_POINTS) {
            problems.push(("speedBonus", format!("at most 16 steps of at most {} points", Self::MOST_POINTS)));
        }
        if !steps.is_sorted_by(|a, b| a.within_ms < b.within_ms && a.points >= b.points) {
            problems.push(("speedBonus", "fastest first, and never more points for a slower answer".to_owned()));
        }
        problems
    }
}

/// Points times the question's factor, times the share that the grade earns.
fn multiplied(points: u32, factor: Number, grade: Grade) -> u32 {
    if factor.is_one() && grade == Grade::RIGHT {
        return points;
    }
    let all = Decimal::from(points) * factor.decimal() * Decimal::from(grade.part);
    let share = all.checked_div(grade.of.into()).unwrap_or_default();
    share.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_u32().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quiz::tests::question;

    fn earned(millis: u64) -> (u32, u32, bool) {
        let points = Scoring::default().points(&question(1, 2), Grade::RIGHT, Millis(millis));
        (points.base, points.speed_bonus, points.full_bonus)
    }

    #[test]
    fn the_default_table_pays_100_and_50_up_to_5_s_and_25_up_to_15_s() {
        assert_eq!(earned(0), (100, 50, true));
        assert_eq!(earned(5_000), (100, 50, true));
        assert_eq!(earned(5_001), (100, 25, false));
        assert_eq!(earned(15_000), (100, 25, false));
        assert_eq!(earned(15_001), (100, 0, false));
    }

    fn sums(factor: &str, grade: Grade) -> (u32, u32) {
        let question = Question { points: factor.parse().expect("a number"), ..question(1, 2) };
        let points = Scoring::default().points(&question, grade, Millis(0));
        (points.base, points.speed_bonus)
    }

    #[test]
    fn a_share_earns_its_part_of_the_base_and_no_bonus() {
        assert_eq!(sums("1", Grade::share(1, 3)), (33, 0));
        assert_eq!(sums("1", Grade::share(2, 3)), (67, 0));
        assert_eq!(sums("1", Grade::share(3, 3)), (100, 50));
        assert_eq!(sums("1", Grade::WRONG), (0, 0));
        assert_eq!(sums("1", Grade::NONE), (0, 0));
    }

    #[test]
    fn a_factor_multiplies_base_and_bonus() {
        assert_eq!(sums("2", Grade::RIGHT), (200, 100));
        assert_eq!(sums("0", Grade::RIGHT), (0, 0));
        assert_eq!(sums("0.5", Grade::share(1, 3)), (17, 0));
    }

    #[test]
    fn a_question_may_go_without_bonus() {
        let calm = Question { no_speed_bonus: true, ..question(1, 2) };
        let points = Scoring::default().points(&calm, Grade::RIGHT, Millis(0));
        assert_eq!((points.base, points.speed_bonus, points.full_bonus), (100, 0, false));
    }

    #[test]
    fn a_table_out_of_order_is_named() {
        let mut table = Scoring::default();
        assert!(table.problems().is_empty());
        table.speed_bonus.reverse();
        assert_eq!(table.problems()[0].0, "speedBonus");
    }
}
