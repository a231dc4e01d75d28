//! Valkey clusters for the tests.

use std::ops::Deref;
use std::time::Duration;

use parking_lot::Mutex;

use super::ports::free_port;
use super::server::ValkeyServer;
use crate::support::wait_for;

/// The milliseconds for which a node may be silent before the others replace it.
const NODE_TIMEOUT: &str = "2000";
/// The number of hash slots of a cluster.
const SLOTS: usize = 16_384;
/// How long to wait for a node that may be halted.
const SHORT: Duration = Duration::from_millis(300);

/// A cluster whose nodes end with the test. It takes about two seconds to form, because a node waits that
/// long before it reports that the cluster is well.
pub(crate) struct ValkeyCluster {
    /// The first primaries, then their replicas, in the order in which they were started.
    pub(crate) nodes: Vec<ValkeyServer>,
    primaries: usize,
}

impl ValkeyCluster {
    /// Starts a cluster of `primaries`, each with `replicas_each` replicas. Returns once every node reports
    /// that the cluster is well and every replica follows its primary.
    pub(crate) fn start(primaries: usize, replicas_each: usize) -> Self {
        let nodes = (0..primaries * (1 + replicas_each)).map(|_| node()).collect();
        let cluster = Self { nodes, primaries };
        cluster.deal_slots();
        cluster.introduce();
        for replica in primaries..cluster.nodes.len() {
            let primary = cluster.nodes[replica % primaries].command(&["CLUSTER", "MYID"]).text();
            cluster.ordered(replica, &["CLUSTER", "REPLICATE", &primary]);
        }
        cluster.wait_until_well();
        cluster
    }

    /// The URL that names all nodes.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("valkey://{}", hosts.join(","))
    }

    /// The index in `nodes` of the node that accepts writes of this key now, or `None` while no node does. It
    /// is found by writing `{key}:probe`.
    pub(crate) fn writer_of(&self, key: &str) -> Option<usize> {
        let probe = format!("{{{key}}}:probe");
        let writes = |node: &ValkeyServer| {
            let reply = node.connection_within(SHORT).and_then(|mut to| to.command(&["SET", &probe, "1", "PX", "1"]));
            reply.is_ok_and(|reply| reply.is("OK"))
        };
        self.nodes.iter().position(writes)
    }

    /// Waits until a node accepts writes of this key, and returns its index.
    pub(crate) fn wait_for_writer_of(&self, key: &str) -> usize {
        wait_for("a node that writes it", || self.writer_of(key))
    }

    /// Waits until every node reports that all slots are served and every replica follows its primary.
    pub(crate) fn wait_until_well(&self) {
        for node in &self.nodes {
            let is_well = || node.command(&["CLUSTER", "INFO"]).text().contains("cluster_state:ok");
            wait_for("a cluster that is well", || is_well().then_some(()));
            let follows = || node.info("role") == "master" || node.info("master_link_status") == "up";
            wait_for("a replica that follows", || follows().then_some(()));
        }
    }

    /// Deletes all keys.
    pub(crate) fn flush(&self) {
        for node in self.nodes.iter().filter(|node| node.info("role") == "master") {
            let reply = node.command(&["FLUSHALL", "SYNC"]);
            assert!(reply.is("OK"), "{reply:?}");
        }
    }

    /// Assigns the slots to the primaries in equal shares.
    fn deal_slots(&self) {
        for number in 0..self.primaries {
            let edge = |number: usize| number * SLOTS / self.primaries;
            let (first, last) = (edge(number).to_string(), (edge(number + 1) - 1).to_string());
            self.ordered(number, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            // Equal config epochs are a conflict, which the nodes need time to resolve.
            self.ordered(number, &["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
    }

    /// Makes all nodes known to each other.
    fn introduce(&self) {
        for met in &self.nodes[1..] {
            let bus = met.command(&["CONFIG", "GET", "cluster-port"]).texts()[1].clone();
            self.ordered(0, &["CLUSTER", "MEET", "127.0.0.1", &met.port.to_string(), &bus]);
        }
        let all = format!("cluster_known_nodes:{}\r", self.nodes.len());
        for node in &self.nodes {
            let knows_all = || node.command(&["CLUSTER", "INFO"]).text().contains(&all);
            wait_for("nodes that know each other", || knows_all().then_some(()));
        }
    }

    #[track_caller]
    fn ordered(&self, node: usize, words: &[&str]) {
        let reply = self.nodes[node].command(words);
        assert!(reply.is("OK"), "{words:?}: {reply:?}");
    }
}

fn node() -> ValkeyServer {
    let bus = free_port().to_string();
    let own = ["--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT, "--cluster-port", &bus];
    // No delay: a replica need not wait for other replicas that may want to synchronize too.
    ValkeyServer::start(&[&own[..], &["--repl-diskless-sync-delay", "0"]].concat())
}

/// Clusters of three primaries that no test uses now. Rust does not drop a static, so their nodes end with
/// this process (see `process`).
static FREE: Mutex<Vec<ValkeyCluster>> = Mutex::new(Vec::new());

/// An empty cluster of three primaries for one test: one that an earlier test has used, or a new one.
pub(crate) async fn fresh_cluster() -> FreshCluster {
    let used = FREE.lock().pop();
    let fresh = tokio::task::spawn_blocking(|| {
        let cluster = used.unwrap_or_else(|| ValkeyCluster::start(3, 0));
        cluster.flush();
        cluster
    });
    FreshCluster(Some(fresh.await.expect("a cluster")))
}

/// A cluster that later tests reuse. A test must leave it healthy.
pub(crate) struct FreshCluster(Option<ValkeyCluster>);

impl Deref for FreshCluster {
    type Target = ValkeyCluster;

    fn deref(&self) -> &ValkeyCluster {
        self.0.as_ref().expect("it is here until it is dropped")
    }
}

impl Drop for FreshCluster {
    fn drop(&mut self) {
        FREE.lock().extend(self.0.take());
    }
}
