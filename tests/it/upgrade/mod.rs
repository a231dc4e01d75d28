//! Upgrades and the step back: the server of an earlier commit and the one of this commit, one after the other and
//! beside each other, over the same data. `tests/previous.sh` says which commit that is, and builds it.

mod file;
mod valkey;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::instances::{Balancer, play};
use crate::rooms::party::{Party, Size};
use crate::support::valkey::ports::free_port;
use crate::support::{Server, fetched, took, until};

/// Two rooms, whose players are in the middle of another question at each restart.
const SIZE: Size = Size { rooms: 2, players: 6, questions: 6, held: 0 };
const SOLO_PLAYERS: usize = 8;

/// Which binary a server runs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Release {
    Previous,
    This,
}

impl Release {
    fn program(self) -> PathBuf {
        match self {
            Self::Previous => fetched("target/previous/rejoin"),
            Self::This => env!("CARGO_BIN_EXE_rejoin").into(),
        }
    }
}

/// A server that is started again and again at its address and on its folder, as any release.
struct Instance {
    folder: TempDir,
    address: String,
    /// Its settings besides address and folder, as environment variables.
    settings: Vec<(&'static str, String)>,
    server: Server,
}

impl Instance {
    /// Starts it as the previous release.
    async fn begin(settings: Vec<(&'static str, String)>) -> Self {
        let (folder, address) = (tempfile::tempdir().unwrap(), format!("127.0.0.1:{}", free_port()));
        let server = start(&folder, &address, &settings, Release::Previous).await;
        Self { folder, address, settings, server }
    }

    /// Ends it by a signal, and starts it as this release.
    async fn restart_as(mut self, release: Release, signal: Signal) -> Self {
        let begun = Instant::now();
        match signal {
            Signal::TERM => self.server.stop().await,
            _ => self.server.kill().await,
        }
        took("the old one has ended", begun);
        self.server = start(&self.folder, &self.address, &self.settings, release).await;
        took("the new one is ready", begun);
        self
    }

    /// Asserts that it could read all that it met, and stops it.
    async fn end(self) {
        let health = self.server.client().get("/health").await.json(200);
        assert_eq!(health["damaged"], 0, "{health}");
        self.server.stop().await;
    }
}

async fn start(folder: &TempDir, address: &str, settings: &[(&str, String)], release: Release) -> Server {
    let folder_name = folder.path().to_str().unwrap();
    let own = [("REJOIN_LISTEN", address), ("REJOIN_DATA_DIR", folder_name), ("REJOIN_ADMIN_LISTEN", "127.0.0.1:0")];
    let all: Vec<_> = own.into_iter().chain(settings.iter().map(|(name, value)| (*name, &**value))).collect();
    let server = Server::program(&release.program(), folder.path(), &all);
    server.until_ready().await;
    server
}

/// Players of solo games, who play one game after the other.
struct SoloPlayers {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    playing: JoinSet<Vec<(String, u64)>>,
}

impl SoloPlayers {
    fn begin(balancer: &Balancer) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut playing = JoinSet::new();
        for player in 0..SOLO_PLAYERS {
            let (balancer, stop, answered) = (balancer.clone(), stop.clone(), answered.clone());
            playing.spawn(async move {
                let mut games = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let game = player * 100_000 + games.len();
                    games.push(play(balancer.clone(), game, answered.clone()).await);
                }
                games
            });
        }
        Self { stop, answered, playing }
    }

    /// Waits until they have answered some more questions.
    async fn play_on(&self) {
        let goal = self.answered.load(Ordering::Relaxed) + 2 * SOLO_PLAYERS;
        until(|| self.answered.load(Ordering::Relaxed) >= goal).await;
    }

    /// Lets them finish their games. Returns the session ids, each with the score that its player was told.
    async fn over(self) -> Vec<(String, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        self.playing.join_all().await.concat()
    }
}

/// Asserts that the results of these solo games are what their players were told.
async fn check_solo(server: &Server, games: &[(String, u64)]) {
    for (id, total) in games {
        let results = server.client().results(id).await.json(200);
        let answers = results["answers"].as_array().unwrap();
        let sum: u64 = answers.iter().filter_map(|answer| answer["points"].as_u64()).sum();
        assert_eq!(results["totalScore"].as_u64(), Some(*total), "{results}");
        assert_eq!((&results["completed"], sum), (&true.into(), *total), "{results}");
    }
}

/// Asserts that every player of the rooms who came back was sent what was missed, and prints how many came back.
fn check_returns(party: &Party) {
    let mut returns = 0;
    for guest in party.guests() {
        let recovered = guest.told.lock().recovered.clone();
        assert!(recovered[1..].iter().all(|is_recovered| *is_recovered), "{recovered:?}");
        returns += recovered.len() - 1;
    }
    println!("players of rooms came back {returns} times");
    assert!(returns >= SIZE.rooms * SIZE.players, "a restart disturbs somebody, or nothing was tested");
}
