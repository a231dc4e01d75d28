//! What a right answer earns: a base, and a bonus by how fast it came on the question's clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time::Millis;

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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scoring {
    /// Points of every right answer.
    #[schemars(range(max = Scoring::MOST_POINTS))]
    pub base: u32,
    /// The steps of the speed bonus, fastest first; the first that fits counts.
    #[schemars(length(max = 16))]
    pub speed_bonus: Vec<SpeedBonus>,
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

/// XP and gems of a finished game.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progression {
    /// Experience points.
    pub xp: u32,
    /// Gems.
    pub gems: u32,
}

/// The points of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Points {
    /// For being right.
    pub base: u32,
    /// For being fast.
    pub speed_bonus: u32,
    /// Whether `speed_bonus` is the whole of it: the table's first step.
    pub full_bonus: bool,
}

impl Points {
    /// Base and bonus together.
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
        }
    }
}

impl Default for ProgressionRule {
    fn default() -> Self {
        Self { xp_per_correct: 10, gems_per_full_bonus: 1 }
    }
}

impl Scoring {
    /// The most points that a base or a bonus may be, so that no sum overflows.
    pub const MOST_POINTS: u32 = 1_000_000;

    /// Points of a right answer that took `elapsed` on the question's clock.
    pub fn points(&self, elapsed: Millis) -> Points {
        let step = self.speed_bonus.iter().position(|step| elapsed.0 <= step.within_ms);
        Points {
            base: self.base,
            speed_bonus: step.map_or(0, |n| self.speed_bonus[n].points),
            full_bonus: step == Some(0),
        }
    }

    /// What is wrong with the table, as (field, message).
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

#[cfg(test)]
mod tests {
    use super::*;

    fn earned(millis: u64) -> (u32, u32, bool) {
        let points = Scoring::default().points(Millis(millis));
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

    #[test]
    fn a_table_out_of_order_is_named() {
        let mut table = Scoring::default();
        assert!(table.problems().is_empty());
        table.speed_bonus.reverse();
        assert_eq!(table.problems()[0].0, "speedBonus");
    }
}
