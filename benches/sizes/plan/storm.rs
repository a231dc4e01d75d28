//! A simulation of players who all come back at the same moment.
//!
//! A try to connect waits for the core of a random instance, and then for the thread of a random shard. Both serve
//! one try after the other, with the time that the live players leave them. A player who has no welcome after 5 s
//! gives up this try and makes another one, with the delays of the clients that ship. The server does the work of a
//! try that was given up all the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A player gives up a try after this time, in seconds.
const PATIENCE: f64 = 5.0;
/// The first delay after a failed try, and the longest one, in seconds. Each is up to half longer or shorter.
const FIRST_DELAY: f64 = 0.5;
const LONGEST_DELAY: f64 = 8.0;
/// The simulation ends here. Who is not back by then does not come back.
const LONGEST: f64 = 600.0;

/// The beginning of a storm. Times are in seconds, loads are parts of a core from 0 to 1.
pub(crate) struct Storm {
    /// Players who come back.
    pub(crate) players: usize,
    /// Instances to which they come.
    pub(crate) instances: usize,
    /// The load of an instance without them, and the load of each player who is back.
    pub(crate) instance_load: f64,
    pub(crate) load_each: f64,
    /// The time of a core for one try.
    pub(crate) connect: f64,
    pub(crate) shards: usize,
    pub(crate) shard_load: f64,
    /// The time of a shard for one try.
    pub(crate) connect_of_shard: f64,
}

/// How a storm has ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StormOutcome {
    pub(crate) players: usize,
    /// When half, 99 % and all of the players were back, in seconds. `None`: never.
    pub(crate) back: [Option<f64>; 3],
    /// Tries that took longer than players wait.
    pub(crate) late: usize,
    /// The load of the fullest instance at the end, from 0 to 1 or more.
    pub(crate) load_after: f64,
}

impl StormOutcome {
    /// The times in words.
    pub(crate) fn text(&self) -> String {
        let times = self.back.map(|back| back.map_or("never".to_owned(), |back| format!("{back:.1} s")));
        times.join(", ")
    }
}

/// A core or a thread that serves one try after the other.
#[derive(Clone)]
struct Server {
    load: f64,
    free_at: f64,
}

impl Server {
    /// Serves a try of `work` seconds that comes at `now`. Returns when it is done.
    fn serve(&mut self, now: f64, work: f64) -> f64 {
        // A server that is full makes progress all the same, but hardly any.
        let rate = (1.0 - self.load).max(0.01);
        self.free_at = self.free_at.max(now) + work / rate;
        self.free_at
    }
}

/// A time in whole microseconds, so that it can be ordered.
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

impl Storm {
    pub(crate) fn run(&self) -> StormOutcome {
        let mut random = fastrand::Rng::with_seed(1);
        let mut instances = vec![Server { load: self.instance_load, free_at: 0.0 }; self.instances.max(1)];
        let mut shards = vec![Server { load: self.shard_load, free_at: 0.0 }; self.shards.max(1)];
        let mut tries: BinaryHeap<_> = (0..self.players).map(|player| Reverse((0, player, 0))).collect();
        let (mut back, mut late) = (Vec::new(), 0);
        while let Some(Reverse((at, player, nth))) = tries.pop() {
            let now = at as f64 / 1e6;
            if now > LONGEST {
                break;
            }
            let instance = random.usize(0..instances.len());
            let shard = random.usize(0..shards.len());
            let served = instances[instance].serve(now, self.connect);
            let done = shards[shard].serve(served, self.connect_of_shard);
            if done - now <= PATIENCE {
                back.push(done);
                instances[instance].load += self.load_each;
            } else {
                late += 1;
                let delay = (FIRST_DELAY * f64::from(2_u32.pow(nth))).min(LONGEST_DELAY) * (0.5 + random.f64());
                tries.push(Reverse((micros(now + PATIENCE + delay), player, (nth + 1).min(4))));
            }
        }
        back.sort_by(f64::total_cmp);
        let when = |share: f64| {
            let place = ((self.players as f64 * share).ceil() as usize).max(1) - 1;
            back.get(place).copied()
        };
        let load_after = instances.iter().map(|instance| instance.load).fold(0.0, f64::max);
        StormOutcome { players: self.players, back: [0.5, 0.99, 1.0].map(when), late, load_after }
    }
}
