//! One server on its file, which is stopped or killed and started as the other release.

use rejoin::client::{Api, Endpoints};
use rustix::process::Signal;

use super::{Instance, Release, SIZE, SoloPlayers, check_returns, check_solo};
use crate::instances::Balancer;
use crate::rooms::party::Party;

/// As which release the server goes on, and how it is ended before. After a kill the newest changes are only in
/// the log.
const STEPS: [(Release, Signal); 4] = [
    (Release::This, Signal::TERM),
    (Release::Previous, Signal::KILL),
    (Release::This, Signal::KILL),
    (Release::Previous, Signal::TERM),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_from_release_to_release_and_back_with_every_answer() {
    let mut instance = Instance::begin(vec![("REJOIN_LIMITS", "off".to_owned())]).await;
    let bases = Endpoints::one(&*instance.server.base);
    let solo = SoloPlayers::begin(&Balancer::among([instance.server.base.clone()]));
    let api = Api::new(bases.clone());
    let party = Party::begin(&api, SIZE, |_| bases.clone()).await;
    for (step, (release, signal)) in STEPS.into_iter().enumerate() {
        party.in_the_middle().await;
        solo.play_on().await;
        // Answers are on their way while the server ends.
        party.go_until(step as u64 + 1);
        instance = instance.restart_as(release, signal).await;
        solo.play_on().await;
    }
    party.go();
    party.over().await;
    let games = solo.over().await;
    println!("{} solo games", games.len());
    check_returns(&party);
    party.check(&api).await;
    check_solo(&instance.server, &games).await;
    instance.end().await;
}
