//! Assigns the wanted channels to subscribers, one for each server. Finds out which server serves which
//! channels, and does so again whenever that may have changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use redis::RedisResult;
use redis::cluster_routing::Slot;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connect::{ServerAddress, ValkeyConnection};
use super::link::Link;
use super::notifier::{Channel, Notifier};
use super::shards::slots;
use super::subscriber::Subscriber;
use super::target::ValkeyTarget;

/// Time after which known routes are read again, and the same while they are in doubt.
const BELIEVED: Duration = Duration::from_secs(5);
const DOUBTED: Duration = Duration::from_millis(500);

/// The background task that manages the subscribers.
pub(super) struct Subscriptions {
    pub(super) notifier: Arc<Notifier>,
    pub(super) link: Arc<Link>,
    pub(super) target: Arc<ValkeyTarget>,
}

/// The servers and the slots whose channels they serve; `None` for a single server, which serves all
/// channels.
type Routes = Vec<(ServerAddress, Option<HashSet<Slot>>)>;

impl Subscriptions {
    /// Runs until `stop` is cancelled.
    pub(super) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.listen() => {}
        }
    }

    async fn listen(&self) {
        let (mut ears, mut routes) = (HashMap::new(), Routes::new());
        let (mut is_stale, mut generation) = (true, 0);
        let failed = Arc::new(Notify::new());
        let mut changes = self.link.changes();
        loop {
            let wanted = self.notifier.wanted();
            if let Some((current, connection)) = self.link.current().filter(|_| is_stale && !wanted.is_empty())
                && let Ok(asked) = ask_for_routes(connection).await
            {
                // After a failover the new primary may have the same address, so drop the old subscriber. In
                // a cluster, the subscribers notice this by themselves.
                if current != generation && !self.link.is_cluster() {
                    ears.clear();
                }
                (routes, generation, is_stale) = (asked, current, false);
            }
            let is_doubted = is_stale && !wanted.is_empty();
            self.assign(wanted, &routes, &mut ears, &failed);
            tokio::select! {
                () = self.notifier.changed() => {}
                () = failed.notified() => is_stale = true,
                _ = changes.changed() => {
                    is_stale |= self.link.current().is_some_and(|(current, _)| current != generation);
                }
                () = tokio::time::sleep(if is_doubted { DOUBTED } else { BELIEVED }) => is_stale = true,
            }
        }
    }

    /// Passes the wanted channels to the subscriber of the server that serves them. Opens missing subscribers
    /// and drops those of unknown servers.
    fn assign(
        &self,
        wanted: Vec<Channel>,
        routes: &Routes,
        ears: &mut HashMap<ServerAddress, Subscriber>,
        failed: &Arc<Notify>,
    ) {
        let mut shares: HashMap<&ServerAddress, HashSet<Channel>> = HashMap::new();
        for channel in wanted {
            let slot = Slot::for_key(&*channel);
            let has_it = |slots: &Option<HashSet<Slot>>| slots.as_ref().is_none_or(|slots| slots.contains(&slot));
            if let Some((node, _)) = routes.iter().find(|(_, slots)| has_it(slots)) {
                shares.entry(node).or_default().insert(channel);
            }
        }
        ears.retain(|node, _| routes.iter().any(|(known, _)| known == node));
        for (node, _) in routes {
            match (shares.remove(node), ears.get(node)) {
                (share, Some(ear)) => ear.want(share.unwrap_or_default()),
                (Some(share), None) => {
                    let ear =
                        Subscriber::open(node.clone(), self.target.clone(), self.notifier.clone(), failed.clone());
                    ear.want(share);
                    ears.insert(node.clone(), ear);
                }
                (None, None) => {}
            }
        }
    }
}

async fn ask_for_routes(mut connection: ValkeyConnection) -> RedisResult<Routes> {
    match &connection {
        ValkeyConnection::Single(_, node) => Ok(vec![(node.clone(), None)]),
        ValkeyConnection::Cluster(..) => {
            let shards = connection.shards().await?;
            Ok(shards.into_iter().map(|shard| (shard.primary.clone(), Some(slots(&shard)))).collect())
        }
    }
}
