//! The plan: how many instances and shards a number of players needs, by measured figures.
//!
//! It is arithmetic where costs add up, and a simulation of events where queues matter ([`storm`]).

mod storm;

use std::fmt::Write;

use super::figures::{Figures, short};
pub(crate) use storm::{Storm, StormOutcome};

/// Players in a room.
pub(crate) const PLAYERS_OF_A_ROOM: f64 = 30.0;
/// The time in seconds from one answer of a player to the next.
pub(crate) const PACE: f64 = 20.0;
/// The part of a core that is planned for. The rest is for peaks, and for the players of what has failed.
pub(crate) const PLANNED: f64 = 0.5;
/// The bandwidth of a host, in bytes per second: 1 Gbit/s.
pub(crate) const NETWORK: f64 = 1e9 / 8.0;
/// The numbers of players that are planned.
pub(crate) const PLAYERS: [f64; 5] = [1e3, 1e4, 1e5, 1e6, 1e7];
/// Above this number of nodes, Valkey's documentation does not recommend a cluster.
pub(crate) const MOST_SHARDS: f64 = 1_000.0;
/// The clients that a Valkey server takes by default.
pub(crate) const MOST_CLIENTS: f64 = 10_000.0;
/// Connections that an instance keeps to each shard: for commands, and for notifications.
const CLIENTS_EACH: f64 = 2.0;
/// How much more than planned the shard with the global keys may be used, as a part of its thread.
const TOLERATED: f64 = 0.05;
/// A second in microseconds.
const SECOND: f64 = 1e6;

/// The measured costs that the plan is made of. CPU time is in microseconds, the rest in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    /// Of an instance, and of Valkey's main thread, for an answer with all that follows from it.
    pub(crate) answer: f64,
    pub(crate) answer_of_shard: f64,
    /// Of an instance, and of Valkey, for a seat that connects.
    pub(crate) connect: f64,
    pub(crate) connect_of_shard: f64,
    /// Of a shard per second: without instances, and for each instance.
    pub(crate) idle_of_shard: f64,
    pub(crate) idle_of_shard_each: f64,
    /// Of an instance per second: without shards, and for each shard.
    pub(crate) idle: f64,
    pub(crate) idle_each: f64,
    /// Of the shard that has the global keys, per second and instance, above the others.
    pub(crate) global_each: f64,
    /// Memory of an instance, and of a connection with the kernel's part.
    pub(crate) server_memory: f64,
    pub(crate) connection_memory: f64,
    /// Memory of Valkey for a room with its seats.
    pub(crate) room_memory: f64,
    /// Bytes per second and seat, to the server and from it.
    pub(crate) sent: f64,
    pub(crate) received: f64,
    /// Bytes per answer between an instance and Valkey, both ways together.
    pub(crate) to_valkey: f64,
}

impl Costs {
    /// The costs of rooms whose seats are all at one instance.
    pub(crate) fn of(figures: &Figures) -> Self {
        let get = |name: &str| figures.median(name);
        let idle = |name: &str, what: &str| get(&format!("growth.{name}.idle.{what}"));
        let shard_each = idle("three", "shard_cpu_for_each_instance");
        let [one, three] = ["one", "three"].map(|name| idle(name, "instance_cpu_a_second"));
        // From one shard to three, an instance has two more to look after.
        let idle_each = ((three - one) / 2.0).max(0.0);
        Self {
            answer: get("growth.three.by_room.instance_cpu"),
            answer_of_shard: get("growth.three.by_room.valkey_main_thread"),
            connect: get("growth.three.by_room.connect.instance_cpu"),
            connect_of_shard: get("growth.three.by_room.connect.valkey_cpu"),
            idle_of_shard: (idle("one", "shard_cpu_a_second") - shard_each).max(0.0),
            idle_of_shard_each: shard_each,
            idle: (one - idle_each).max(0.0),
            idle_each,
            global_each: (idle("three", "busiest_shard_cpu_for_each_instance") - shard_each).max(0.0),
            server_memory: get("solo.server.memory") * 1e6,
            connection_memory: get("idle.connection.memory")
                + figures.figures.get("idle.connection.kernel_memory").map_or(0.0, |figure| figure.median()),
            room_memory: get("valkey.room.memory") + PLAYERS_OF_A_ROOM * get("valkey.seat.memory"),
            sent: get("valkey.played_seat.sent_a_second"),
            received: get("valkey.played_seat.received_a_second"),
            to_valkey: get("growth.three.by_room.to_valkey") + get("growth.three.by_room.from_valkey"),
        }
    }
}

/// What a number of players needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Of one cluster.
    pub(crate) players: f64,
    pub(crate) instances: f64,
    pub(crate) shards: f64,
    /// The load of an instance's core, of a shard's thread and of the shard with the global keys, from 0 to 1.
    pub(crate) instance_load: f64,
    pub(crate) shard_load: f64,
    pub(crate) global_load: f64,
    /// What one instance has: connections, bytes of memory, bytes per second to and from its players.
    pub(crate) connections: f64,
    pub(crate) instance_memory: f64,
    pub(crate) bandwidth: f64,
    /// What one shard has: bytes of memory, bytes per second to and from instances, connections.
    pub(crate) shard_memory: f64,
    pub(crate) shard_bandwidth: f64,
    pub(crate) shard_clients: f64,
}

impl Plan {
    /// The smallest plan with one spare instance. `None` if the heartbeats between instances and shards leave
    /// nothing of the cores.
    pub(crate) fn of(costs: &Costs, players: f64) -> Option<Self> {
        let answers = players / PACE;
        let (mut instances, mut shards) = (1.0_f64, 1.0_f64);
        loop {
            let for_answers = PLANNED * SECOND - costs.idle - costs.idle_each * shards;
            let for_steps = PLANNED * SECOND - costs.idle_of_shard - costs.idle_of_shard_each * (instances + 1.0);
            if for_answers <= 0.0 || for_steps <= 0.0 {
                return None;
            }
            let needed = [answers * costs.answer / for_answers, answers * costs.answer_of_shard / for_steps];
            let [more_instances, more_shards] = needed.map(|needed| needed.ceil().max(1.0));
            if (more_instances, more_shards) == (instances, shards) {
                return Some(Self::with(costs, players, instances, shards));
            }
            if more_instances > 1e6 || more_shards > 1e6 {
                return None;
            }
            // Both only grow, so this ends.
            (instances, shards) = (more_instances.max(instances), more_shards.max(shards));
        }
    }

    fn with(costs: &Costs, players: f64, needed: f64, shards: f64) -> Self {
        // One more than needed: any one may fail.
        let instances = needed + 1.0;
        let answers = players / PACE;
        let shard =
            (answers * costs.answer_of_shard / shards + costs.idle_of_shard + costs.idle_of_shard_each * instances)
                / SECOND;
        let instance = (answers * costs.answer / instances + costs.idle + costs.idle_each * shards) / SECOND;
        Self {
            players,
            instances,
            shards,
            instance_load: instance,
            shard_load: shard,
            global_load: shard + costs.global_each * instances / SECOND,
            connections: players / instances,
            instance_memory: costs.server_memory + players / instances * costs.connection_memory,
            bandwidth: (costs.sent + costs.received) * players / instances,
            shard_memory: costs.room_memory * players / PLAYERS_OF_A_ROOM / shards,
            shard_bandwidth: answers * costs.to_valkey / shards,
            shard_clients: CLIENTS_EACH * instances,
        }
    }

    /// The part that is nearest to its limit, and how far it is used, from 0 to 1 (above 1: it does not hold).
    pub(crate) fn first_to_give_out(&self) -> (&'static str, f64) {
        let parts = [
            ("an instance's core", self.instance_load),
            ("a shard's thread", self.shard_load),
            ("the thread of the shard with the global keys", self.global_load),
            ("the network of an instance", self.bandwidth / NETWORK),
            ("the network of a shard", self.shard_bandwidth / NETWORK),
            ("the clients of a shard", self.shard_clients / MOST_CLIENTS),
            ("the nodes of a cluster", self.shards / MOST_SHARDS),
        ];
        parts.into_iter().max_by(|one, other| one.1.total_cmp(&other.1)).expect("there are parts")
    }

    /// True if no part is used beyond what is planned, or beyond its limit where that is a count.
    fn holds(&self) -> bool {
        self.global_load <= PLANNED + TOLERATED && self.shard_clients <= MOST_CLIENTS && self.shards <= MOST_SHARDS
    }

    /// What happens when an instance dies and its players connect to the others.
    pub(crate) fn instance_dies(&self, costs: &Costs) -> StormOutcome {
        let back = self.connections.ceil();
        let load_each = (self.instance_load - (costs.idle + costs.idle_each * self.shards) / SECOND) / self.connections;
        self.storm(costs, back, self.instances - 1.0, load_each).run()
    }

    /// What happens when a shard fails over and all its players connect again, at all instances.
    pub(crate) fn shard_fails_over(&self, costs: &Costs) -> StormOutcome {
        let back = (self.players / self.shards).ceil();
        self.storm(costs, back, self.instances, 0.0).run()
    }

    fn storm(&self, costs: &Costs, back: f64, instances: f64, load_each: f64) -> Storm {
        Storm {
            players: back as usize,
            instances: instances as usize,
            instance_load: self.instance_load,
            load_each,
            connect: costs.connect / SECOND,
            shards: self.shards as usize,
            shard_load: self.global_load.min(0.99),
            connect_of_shard: costs.connect_of_shard / SECOND,
        }
    }
}

/// The plan of one cluster that holds.
fn holding(costs: &Costs, players: f64) -> Option<Plan> {
    Plan::of(costs, players).filter(Plan::holds)
}

/// The smallest number of clusters among which so many players can be divided, and the plan of each.
pub(crate) fn divided(costs: &Costs, players: f64) -> Option<(f64, Plan)> {
    (1..=1_000).map(f64::from).find_map(|clusters| Some((clusters, holding(costs, players / clusters)?)))
}

/// The most players of one cluster, to two digits, and the part that stops it there.
pub(crate) fn largest(costs: &Costs) -> (f64, &'static str) {
    let (mut fits, mut fails) = (1e3, 1e9);
    while fails / fits > 1.01 {
        let middle = f64::sqrt(fits * fails);
        if holding(costs, middle).is_some() { fits = middle } else { fails = middle }
    }
    let unit = 10_f64.powf(fits.log10().floor() - 1.0);
    let part = Plan::of(costs, fails).map_or("the probes of all instances on each shard", |plan| {
        if plan.shards > MOST_SHARDS { "the nodes of a cluster" } else { plan.first_to_give_out().0 }
    });
    ((fits / unit).floor() * unit, part)
}

/// The plan as a table in Markdown, with the storms.
pub(crate) fn table(figures: &Figures) -> String {
    let costs = Costs::of(figures);
    let (most, part) = largest(&costs);
    let mut out = format!(
        "One cluster holds up to {} players. What gives out there is {part}.\n\n| players | clusters | instances and \
         shards of each | one instance: load, connections, memory, bandwidth | one shard: load, memory, bandwidth, \
         clients | nearest to its limit |\n| --- | --- | --- | --- | --- | --- |\n",
        short(most)
    );
    let plans = PLAYERS.map(|players| (players, divided(&costs, players)));
    for (players, plan) in &plans {
        let line = plan.as_ref().map_or_else(
            || format!("| {} | does not fit | | | | |", short(*players)),
            |(clusters, plan)| row(*players, *clusters, plan),
        );
        writeln!(out, "{line}").expect("a text grows");
    }
    out.push_str(
        "\n| players | an instance dies: players back after (half, 99 %, all) | tries that took over 5 s | load of the \
         others then | a shard fails over: players back after (half, 99 %, all) | tries that took over 5 s |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for (players, (_, plan)) in plans.iter().filter_map(|(players, plan)| plan.as_ref().map(|plan| (players, plan))) {
        writeln!(out, "{}", storms(*players, plan, &costs)).expect("a text grows");
    }
    out
}

fn storms(players: f64, plan: &Plan, costs: &Costs) -> String {
    let (dead, over) = (plan.instance_dies(costs), plan.shard_fails_over(costs));
    format!(
        "| {} | {} players: {} | {} | {:.0} % | {} players: {} | {} |",
        short(players),
        short(dead.players as f64),
        dead.text(),
        short(dead.late as f64),
        dead.load_after * 100.0,
        short(over.players as f64),
        over.text(),
        short(over.late as f64),
    )
}

fn row(players: f64, clusters: f64, plan: &Plan) -> String {
    let (first, used) = plan.first_to_give_out();
    let mb = |bytes: f64| format!("{} MB", short(bytes / 1e6));
    let mbit = |bytes: f64| format!("{} Mbit/s", short(bytes * 8.0 / 1e6));
    format!(
        "| {} | {} | {}, {} | {:.0} %, {}, {}, {} | {:.0} %, {}, {}, {} | {first}: {:.0} % |",
        short(players),
        short(clusters),
        short(plan.instances),
        short(plan.shards),
        plan.instance_load * 100.0,
        short(plan.connections.round()),
        mb(plan.instance_memory),
        mbit(plan.bandwidth),
        plan.shard_load * 100.0,
        mb(plan.shard_memory),
        mbit(plan.shard_bandwidth),
        short(plan.shard_clients),
        used * 100.0,
    )
}
