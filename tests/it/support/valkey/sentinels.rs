//! A primary, its replica and the three sentinels that watch them.

use std::ffi::OsString;
use std::path::Path;

use super::access::Access;
use super::ports::free_ports;
use super::resp::Resp;
use super::server::{ValkeyServer, program};
use crate::support::wait_for;

/// The name by which the sentinels know the primary.
pub(crate) const SERVICE: &str = "mymaster";

/// Two servers and three sentinels, which end with the test.
pub(crate) struct ValkeySentinels {
    /// The first primary, then its replica.
    pub(crate) servers: Vec<ValkeyServer>,
    pub(crate) sentinels: Vec<ValkeyServer>,
}

impl ValkeySentinels {
    /// Starts all of them. Returns once every sentinel knows the others and the replica.
    pub(crate) fn start() -> Self {
        // No delay: a replica need not wait for other replicas that may want to synchronize too.
        let server = || ValkeyServer::start(&["--repl-diskless-sync-delay", "0"]);
        let servers = vec![server(), server()];
        let (primary, replica) = (&servers[0], &servers[1]);
        replica.command(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
        wait_for("a replica that follows", || (replica.info("master_link_status") == "up").then_some(()));
        let sentinels = (0..3).map(|_| sentinel(primary.port)).collect();
        let all = Self { servers, sentinels };
        all.sentinels.iter().for_each(wait_until_it_knows_all);
        all
    }

    /// The URL that names the sentinels.
    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("valkey://{}", hosts.join(","))
    }

    /// The index in `servers` of the current primary, or `None` if the sentinels do not agree or name another
    /// server.
    pub(crate) fn primary(&self) -> Option<usize> {
        let ask = ["SENTINEL", "GET-PRIMARY-ADDR-BY-NAME", SERVICE];
        let mut named = self.sentinels.iter().map(|sentinel| sentinel.command(&ask).texts()[1].clone());
        let first = named.next()?;
        let agreed = named.all(|other| other == first);
        self.servers.iter().position(|server| agreed && server.port.to_string() == first)
    }
}

fn sentinel(primary: u16) -> ValkeyServer {
    ValkeyServer::start_by(free_ports(), Access::plain(&[]), |port, folder| {
        // A sentinel writes what it learns into this file.
        let conf = folder.join("sentinel.conf");
        std::fs::write(&conf, settings(port, primary, folder)).expect("the folder takes a file");
        vec![program().into(), conf.into(), OsString::from("--sentinel")]
    })
}

/// The configuration of a sentinel. Two of the three must agree that the primary is down, which each thinks
/// after one second of silence.
fn settings(port: u16, primary: u16, folder: &Path) -> String {
    format!(
        "port {port}\n\
         bind 127.0.0.1\n\
         dir {}\n\
         sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds {SERVICE} 1000\n\
         sentinel failover-timeout {SERVICE} 3000\n",
        folder.display()
    )
}

fn wait_until_it_knows_all(sentinel: &ValkeyServer) {
    // By default sentinels introduce themselves every two seconds and query the servers every ten. Shorter
    // periods save the tests that time.
    let reply = sentinel.command(&["SENTINEL", "DEBUG", "PUBLISH-PERIOD", "100", "INFO-PERIOD", "500"]);
    assert!(reply.is("OK"), "{reply:?}");
    let count = |what| sentinel.command(&["SENTINEL", what, SERVICE]).list().len();
    let can_decide = || matches!(sentinel.command(&["SENTINEL", "CKQUORUM", SERVICE]), Resp::Text(_));
    let knows_all = || count("SENTINELS") == 2 && count("REPLICAS") == 1 && can_decide();
    wait_for("sentinels that know each other", || knows_all().then_some(()));
}
