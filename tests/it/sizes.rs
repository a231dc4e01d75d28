//! The plan of `docs/sizes.md`: its arithmetic, its simulation, and its tables, which are made of `docs/sizes.json`.

#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../../benches/sizes/figures.rs"]
mod figures;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../../benches/sizes/page.rs"]
mod page;
#[allow(dead_code, unused_imports, reason = "the benchmark uses the rest")]
#[path = "../../benches/sizes/plan/mod.rs"]
mod plan;

use std::path::Path;

use figures::{Figures, short};
use plan::{Costs, PLANNED, Plan, Storm};

/// Round figures in the order of the measured ones.
const COSTS: Costs = Costs {
    answer: 500.0,
    answer_of_shard: 200.0,
    connect: 200.0,
    connect_of_shard: 100.0,
    idle_of_shard: 1_000.0,
    idle_of_shard_each: 200.0,
    idle: 1_000.0,
    idle_each: 200.0,
    global_each: 100.0,
    server_memory: 15e6,
    connection_memory: 8_000.0,
    room_memory: 20_000.0,
    sent: 20.0,
    received: 500.0,
    to_valkey: 2_000.0,
};

/// 1,000 players who come to two half-loaded instances.
const STORM: Storm = Storm {
    players: 1_000,
    instances: 2,
    instance_load: 0.5,
    load_each: 0.0001,
    connect: 200e-6,
    shards: 1,
    shard_load: 0.5,
    connect_of_shard: 100e-6,
};

fn plan_for(players: f64) -> Plan {
    Plan::of(&COSTS, players).expect("it fits")
}

#[test]
fn a_plan_loads_no_core_above_what_is_planned() {
    for players in plan::PLAYERS {
        let plan = plan_for(players);
        assert!(plan.instance_load <= PLANNED && plan.shard_load <= PLANNED, "{plan:?}");
        // One instance and one shard less would not do.
        let answers = players / plan::PACE;
        assert!(answers * COSTS.answer / 1e6 > PLANNED * (plan.instances - 2.0) * 0.8, "{plan:?}");
    }
}

#[test]
fn ten_times_as_many_players_need_about_ten_times_as_much() {
    let (few, many) = (plan_for(1e5), plan_for(1e6));
    assert!((8.0..13.0).contains(&((many.instances - 1.0) / (few.instances - 1.0))), "{few:?} {many:?}");
    // Few shards are rounded up by more.
    assert!((6.0..13.0).contains(&(many.shards / few.shards)), "{few:?} {many:?}");
}

#[test]
fn players_whom_no_cluster_holds_are_divided() {
    let costs = Costs { idle_of_shard_each: 2_000.0, ..COSTS };
    // The probes of all instances would fill each shard.
    assert!(Plan::of(&costs, 1e4).is_some() && Plan::of(&costs, 1e7).is_none());
    let (clusters, each) = plan::divided(&costs, 1e7).expect("some number of clusters holds them");
    assert!(clusters > 1.0 && (clusters * each.players - 1e7).abs() < 1.0, "{clusters} {each:?}");
    let (most, part) = plan::largest(&costs);
    assert!(each.players <= most * 1.1 && most < 1e7, "{most} {each:?}");
    assert_eq!(part, "the probes of all instances on each shard");
}

#[test]
fn the_part_that_is_nearest_to_its_limit_is_named() {
    let (name, used) = plan_for(1e3).first_to_give_out();
    assert!(used <= PLANNED, "{name} {used}");
    let crowded = Plan { shards: 5_000.0, ..plan_for(1e6) };
    assert_eq!(crowded.first_to_give_out(), ("the nodes of a cluster", 5.0));
}

#[test]
fn all_players_come_back_to_instances_with_room_for_them() {
    let ended = STORM.run();
    // Two cores with half of their time need 1,000 × 200 µs / (2 × 0.5) and no less.
    let all = ended.back[2].expect("all are back");
    assert!((0.2..1.0).contains(&all), "{ended:?}");
    assert_eq!(ended.late, 0);
    assert!((0.54..0.56).contains(&ended.load_after), "{ended:?}");
}

#[test]
fn a_storm_is_slower_where_less_is_left() {
    let busy = Storm { instance_load: 0.9, load_each: 0.0, ..STORM }.run();
    assert!(busy.back[2] > STORM.run().back[2], "{busy:?}");
    let more = Storm { players: 10_000, load_each: 0.0, ..STORM }.run();
    assert!(more.back[2] > STORM.run().back[2], "{more:?}");
}

#[test]
fn players_who_wait_too_long_try_again_and_that_is_counted() {
    let ended = Storm { players: 30_000, load_each: 0.0, ..STORM }.run();
    // All of them need 6 s of what the two cores have left, and nobody waits for more than 5 s.
    assert!(ended.late > 0 && ended.back[2].is_some_and(|all| all > 6.0), "{ended:?}");
    let hopeless = Storm { players: 50_000, instance_load: 1.0, ..STORM }.run();
    assert_eq!(hopeless.back[2], None);
}

#[test]
fn a_median_is_told_with_its_spread() {
    let mut figures = Figures::default();
    for value in [3.0, 1.0, 2_000.0] {
        figures.note("a.b", "µs", value);
    }
    assert_eq!(figures.figures["a.b"].text(), "3 µs (1 to 2,000)");
    assert_eq!(figures.median("a.b"), 3.0);
    figures.forget("a");
    assert!(figures.figures.is_empty());
    assert_eq!([0.1234, 12.34, 1_234_567.0].map(short), ["0.123", "12.3", "1,234,567"]);
}

#[test]
fn the_pages_tables_are_those_of_its_figures() {
    let figures = Figures::read(Path::new(page::FIGURES)).expect("docs/sizes.json is there");
    let shown = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sizes.md")).expect("the page");
    assert_eq!(page::made(&shown, &figures), shown, "run: cargo bench --bench sizes -- page");
}
