//! Full rooms whose server is killed in the middle of a question.

use std::time::{Duration, Instant};

use rejoin::client::{Connection, Endpoints};

use super::party::{Party, Size};
use super::{api, fixed_address, process_at};
use crate::support::Server;
use crate::support::until;
use crate::support::valkey::ValkeyServer;

const SIZE: Size = Size { rooms: 10, players: 20, questions: 4, held: 1 };

/// How long after `since` each of these connections was back.
async fn backs<'a>(connections: impl Iterator<Item = &'a Connection>, since: Instant) -> Vec<Duration> {
    let mut backs = Vec::new();
    for connection in connections {
        let back = || connection.figures().backs.iter().map(|way| way.back).find(|back| *back >= since);
        until(|| back().is_some()).await;
        backs.push(back().expect("it is").duration_since(since));
    }
    backs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_players_are_back_in_their_seats_after_a_kill_in_mid_question() {
    let folder = tempfile::tempdir().unwrap();
    let address = fixed_address();
    let server = process_at(&address, folder.path(), &[]);
    let api = api(&server);
    let party = Party::begin(&api, SIZE, |_| api.bases()).await;
    party.in_the_middle().await;
    // Release the held answers now, so that they are on the way when the server dies.
    party.go();
    let killed = Instant::now();
    server.kill().await;
    let server = process_at(&address, folder.path(), &[]);
    let ready = killed.elapsed();
    let back = backs(party.everybody(), killed).await;
    let last = back.iter().max().unwrap();
    println!("killed in mid-question: listens again after {ready:?}, {} are back after {last:?}", back.len());
    assert_eq!(back.len(), 210);
    party.over().await;
    for guest in party.guests() {
        assert_eq!(guest.told.lock().recovered, [false, true], "one loss, and all is told again");
    }
    party.check(&api).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_of_a_killed_instance_continue_at_the_other() {
    let valkey = ValkeyServer::start(&[]);
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let instance = |n: usize| -> Server {
        let url = valkey.url();
        process_at(&fixed_address(), folders[n].path(), &["--store", "valkey", "--valkey-url", &url])
    };
    let (one, other) = (instance(0), instance(1));
    for server in [&one, &other] {
        server.until_ready().await;
    }
    let spread = |n: usize| {
        let bases = [one.base.clone(), other.base.clone()];
        Endpoints::new(if n.is_multiple_of(2) { bases } else { [bases[1].clone(), bases[0].clone()] })
    };
    let party = Party::begin(&api(&other), SIZE, spread).await;
    party.in_the_middle().await;
    let of_the_killed =
        || party.rooms.iter().flat_map(|room| room.guests.iter().step_by(2)).map(|guest| &guest.connection);
    party.go();
    let killed = Instant::now();
    one.kill().await;
    let back = backs(of_the_killed(), killed).await;
    let last = back.iter().max().unwrap();
    println!("an instance killed in mid-question: {} of its players are back after {last:?}", back.len());
    assert_eq!(back.len(), 100);
    party.over().await;
    for room in &party.rooms {
        for (n, guest) in room.guests.iter().enumerate() {
            let recovered = guest.told.lock().recovered.clone();
            assert_eq!(recovered, [false, true][..2 - n % 2], "player {n}");
        }
    }
    party.check(&api(&other)).await;
    other.stop().await;
}
