//! Two instances over one Valkey that are upgraded one after the other.

use rejoin::client::{Api, Endpoints};
use rustix::process::Signal;

use super::{Instance, Release, SIZE, SoloPlayers, check_returns, check_solo};
use crate::instances::Balancer;
use crate::rooms::party::Party;
use crate::support::reverse_proxy::ReverseProxy;
use crate::support::until_async;
use crate::support::valkey::ValkeyServer;

/// Which instance becomes which release. Three of four times both releases serve the same games.
const STEPS: [(usize, Release); 4] =
    [(0, Release::This), (1, Release::This), (0, Release::Previous), (1, Release::Previous)];

/// Two instances of the previous release, and their URLs.
async fn pair(valkey: &ValkeyServer) -> ([Option<Instance>; 2], [String; 2]) {
    let settings = || {
        let url = valkey.url();
        vec![("SESSION_STORE", "valkey".to_owned()), ("VALKEY_URL", url), ("REJOIN_LIMITS", "off".to_owned())]
    };
    let instances = [Instance::begin(settings()).await, Instance::begin(settings()).await];
    let bases = instances.each_ref().map(|instance| instance.server.base.clone());
    (instances.map(Some), bases)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_upgrade_and_the_way_back_lose_nothing_and_count_nothing_twice() {
    let valkey = ValkeyServer::start(&[]);
    let (mut instances, bases) = pair(&valkey).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_load_balancer_players_need_no_more_than_a_repeat() {
    let valkey = ValkeyServer::start(&[]);
    let (mut instances, [one, other]) = pair(&valkey).await;
    let nginx = ReverseProxy::nginx_between([&one, &other]);
    // They know no instance, and repeat what was not answered or got a 503.
    let solo = SoloPlayers::begin(&Balancer::among([nginx.base.clone()]));
    for (place, release) in STEPS {
        solo.play_on().await;
        let instance = instances[place].take().unwrap();
        let instance = instances[place].insert(instance.restart_as(release, Signal::TERM).await);
        // nginx leaves alone what it could not reach for a second. To stop the next one before would leave none.
        let client = instance.server.client();
        until_async(async || client.get("/health").await.json(200)["commits"].as_u64() > Some(0)).await;
    }
    solo.play_on().await;
    let games = solo.over().await;
    let log = nginx.access_log();
    let refused = log.lines().filter(|line| line.contains(" 503 ") || line.contains(" 502 ")).count();
    println!("{} solo games, {} requests, {refused} of them repeated", games.len(), log.lines().count());
    for instance in instances.into_iter().flatten() {
        check_solo(&instance.server, &games).await;
        instance.end().await;
    }
}
