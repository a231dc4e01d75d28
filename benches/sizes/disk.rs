//! What a game, a room and a seat take on the disk: pages of the file after a clean stop, when the log is empty.

use std::net::SocketAddr;

use redb::Database;
use tokio::task::LocalSet;

use crate::common::rooms::KEY;
use crate::common::runtime;
use crate::common::server::Server;
use crate::figures::Figures;
use crate::live::{self, PLAYERS};
use crate::solo::{self, Lines};

const GAMES: usize = 10_000;
const ROOMS: usize = 500;
/// Players in the small rooms. What a large room has more is due to its seats.
const FEW: usize = 2;

/// Measures the disk. Once: the same games take the same pages.
pub(crate) fn measure(figures: &mut Figures) {
    let empty = after(async |_| ());
    let games = after(async |address| drop(solo::create(&Lines::to(&[address]), GAMES).await));
    let finished = after(async |address| {
        let lines = Lines::to(&[address]);
        let games = solo::create(&lines, GAMES).await;
        solo::answer(&lines, &games).await;
    });
    let [few, many] =
        [FEW, PLAYERS].map(|players| after(async |address| drop(live::open(&[address], ROOMS, players).await)));
    let each = |bytes: f64, count: usize| (bytes - empty) / count as f64;
    let seat = (many - few) / (ROOMS * (PLAYERS - FEW)) as f64;
    figures.note("disk.game", "bytes", each(games, GAMES));
    figures.note("disk.finished_game", "bytes", each(finished, GAMES));
    figures.note("disk.seat", "bytes", seat);
    figures.note("disk.room", "bytes", each(few, ROOMS) - seat * FEW as f64);
}

/// The bytes of all used pages of a server's file, after this was done with it.
fn after(part: impl AsyncFnOnce(SocketAddr)) -> f64 {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let server = Server::start(folder.path(), &["--api-keys", KEY]);
    runtime().block_on(LocalSet::new().run_until(part(server.address)));
    server.stop();
    let file = Database::open(folder.path().join("rejoin.redb")).expect("the server has closed it");
    let stats = file.begin_write().expect("nobody else has it").stats().expect("a sound file");
    stats.allocated_pages() as f64 * stats.page_size() as f64
}
