//! Two instances over one Valkey that are upgraded one after the other.

use rejoin::client::{Api, Endpoints};
use rustix::process::Signal;

use super::{Instance, Release, SIZE, SoloPlayers, check_returns, check_solo};
use crate::instances::Balancer;
use crate::rooms::party::Party;
use crate::support::valkey::ValkeyServer;

/// Which instance becomes which release. Three of four times both releases serve the same games.
const STEPS: [(usize, Release); 4] =
    [(0, Release::This), (1, Release::This), (0, Release::Previous), (1, Release::Previous)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_upgrade_and_the_way_back_lose_nothing_and_count_nothing_twice() {
    let valkey = ValkeyServer::start(&[]);
    let settings = || {
        let url = valkey.url();
        vec![("SESSION_STORE", "valkey".to_owned()), ("VALKEY_URL", url), ("REJOIN_LIMITS", "off".to_owned())]
    };
    let mut instances = [Some(Instance::begin(settings()).await), Some(Instance::begin(settings()).await)];
    let bases = instances.each_ref().map(|instance| instance.as_ref().unwrap().server.base.clone());
    let solo = SoloPlayers::begin(&Balancer::among(bases.clone()));
    let spread = |n: usize| Endpoints::new([bases[n % 2].clone(), bases[(n + 1) % 2].clone()]);
    let api = Api::new(Endpoints::new(bases.clone()));
    let party = Party::begin(&api, SIZE, spread).await;
    for (step, (place, release)) in STEPS.into_iter().enumerate() {
        party.in_the_middle().await;
        solo.play_on().await;
        // Answers are on their way while the instance stops.
        party.go_until(step as u64 + 1);
        let instance = instances[place].take().unwrap();
        instances[place] = Some(instance.restart_as(release, Signal::TERM).await);
        solo.play_on().await;
    }
    party.go();
    party.over().await;
    let games = solo.over().await;
    println!("{} solo games", games.len());
    check_returns(&party);
    for instance in instances.into_iter().flatten() {
        party.check(&Api::new(Endpoints::one(&*instance.server.base))).await;
        check_solo(&instance.server, &games).await;
        instance.end().await;
    }
}
