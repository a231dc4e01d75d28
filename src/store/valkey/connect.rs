//! Connections to Valkey: to a single server, to the primary that sentinels name, or to a cluster.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{AsyncPushSender, ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, IntoConnectionInfo,
    ProtocolVersion, RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind, TlsCertificates, Value,
};

use super::target::{Topology, ValkeyTarget};

/// Timeout for connecting to one server, including the handshake.
const CONNECTING: Duration = Duration::from_millis(250);
/// Timeout for one server's answer.
const RESPONSE: Duration = Duration::from_millis(300);
/// Timeout for a cluster's answer, including a slot-map refresh by the client.
const CLUSTER_RESPONSE: Duration = Duration::from_millis(700);
/// Timeout for connecting to a cluster.
const CLUSTER_CONNECTING: Duration = Duration::from_millis(1_500);
/// Maximum number of requests in the client's write queue.
const BUFFER: usize = 256;
/// TCP keepalive time and interval, and TCP user timeout. They detect a peer that vanished silently.
const KEEPALIVE: Duration = Duration::from_secs(2);
/// Delays before a cluster command is retried after READONLY or TRYAGAIN.
const ASTRAY: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(120)];

/// A connection without automatic reconnect: the supervisor replaces a lost connection with a fresh one.
#[derive(Clone)]
pub(super) enum ValkeyConnection {
    /// A connection to the server with this address.
    Single(MultiplexedConnection, ServerAddress),
    Cluster(ClusterConnection, Arc<ValkeyTarget>),
}

impl ValkeyConnection {
    /// Opens a fresh connection as the target's topology requires.
    pub(super) async fn open(target: &Arc<ValkeyTarget>) -> RedisResult<Self> {
        match &target.topology {
            Topology::Standalone => Self::to(target.nodes[0].clone(), target).await,
            Topology::Sentinel { service, password } => {
                let primary = ask_sentinels(target, service, password.as_deref()).await?;
                Self::to(primary, target).await
            }
            Topology::Cluster => {
                let connecting = tokio::time::timeout(CLUSTER_CONNECTING, cluster(target)).await;
                let connection = connecting.unwrap_or_else(|_| Err(too_slow()))?;
                Ok(Self::Cluster(connection, target.clone()))
            }
        }
    }

    async fn to(node: ServerAddress, target: &ValkeyTarget) -> RedisResult<Self> {
        Ok(Self::Single(single(info(target, &node), target, settings()).await?, node))
    }

    pub(super) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        self.ask(command, false).await
    }

    /// Like [`query`](Self::query), on a connection that was just opened. A node that it isn't connected to
    /// is away, so the call doesn't wait for a slot-map refresh.
    pub(super) async fn query_fresh<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        self.ask(command, true).await
    }

    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd, is_shape_fresh: bool) -> RedisResult<T> {
        let value = match self {
            Self::Single(connection, _) => connection.req_packed_command(command).await?,
            Self::Cluster(connection, target) => routed(connection, target, command, is_shape_fresh).await?,
        };
        redis::from_redis_value(value.extract_error()?).map_err(RedisError::from)
    }

    /// Runs a command on this primary. Without a cluster it runs on the only server.
    pub(super) async fn query_at<T: FromRedisValue>(&mut self, primary: &Primary, command: Cmd) -> RedisResult<T> {
        match (self, primary) {
            (Self::Cluster(connection, _), Some((host, port))) => {
                let node = SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port };
                let value = connection.route_command(command, RoutingInfo::SingleNode(node)).await?;
                redis::from_redis_value(value.extract_error()?).map_err(RedisError::from)
            }
            (connection, _) => connection.query(&command).await,
        }
    }

    /// All primaries, each once. Without a cluster this is the single value `None`.
    pub(super) async fn primaries(&mut self) -> RedisResult<Vec<Primary>> {
        let Self::Cluster(..) = self else { return Ok(vec![None]) };
        Ok(self.shards().await?.into_iter().map(|shard| Some(shard.primary)).collect())
    }

    /// The `maxmemory-policy` of a primary that evicts live keys when its memory is full; `None` if no
    /// primary does. A server without a memory limit evicts nothing, whatever its policy. INFO shows both
    /// settings and is a permission that is needed anyway; many hosts forbid CONFIG.
    pub(super) async fn eviction_policy(&mut self) -> RedisResult<Option<String>> {
        let mut failure = None;
        for primary in self.primaries().await? {
            let mut info = redis::cmd("INFO");
            info.arg("memory");
            match self.query_at::<String>(&primary, info).await {
                Ok(info) => {
                    if let Some(policy) = eviction_policy(&info) {
                        return Ok(Some(policy));
                    }
                }
                // In a cluster this error is ignored: a shard that is away evicts nothing.
                Err(error) => failure = Some(error),
            }
        }
        failure.filter(|_| !self.is_cluster()).map_or(Ok(None), Err)
    }

    fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(..))
    }

    /// Asks a cluster for its shards (CLUSTER SLOTS).
    pub(super) async fn shards(&mut self) -> RedisResult<Vec<Shard>> {
        let slots: Vec<Vec<Value>> = self.query(redis::cmd("CLUSTER").arg("SLOTS")).await?;
        let mut shards: Vec<Shard> = Vec::new();
        for range in slots {
            let mut parts = range.into_iter();
            let mut next = || parts.next().unwrap_or(Value::Nil);
            let bounds = (redis::from_redis_value(next())?, redis::from_redis_value(next())?);
            let mut node = redis::from_redis_value::<Vec<Value>>(next())?.into_iter();
            let mut next = || node.next().unwrap_or(Value::Nil);
            let primary = (redis::from_redis_value(next())?, redis::from_redis_value(next())?);
            match shards.iter_mut().find(|shard| shard.primary == primary) {
                Some(shard) => shard.ranges.push(bounds),
                None => shards.push(Shard { primary, ranges: vec![bounds] }),
            }
        }
        Ok(shards)
    }
}

/// The eviction policy in a server's INFO text, if it may evict live keys.
fn eviction_policy(info: &str) -> Option<String> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let policy = field("maxmemory_policy").filter(|policy| *policy != "noeviction")?;
    // Some hosting providers show the policy but hide the limit. A missing limit counts as a limit.
    (field("maxmemory") != Some("0")).then(|| policy.to_owned())
}

/// Sends a command to a cluster. If a node answers that it doesn't serve the slot, it has not executed the
/// command, so it is safe to send it elsewhere. Other errors are returned, because only the caller knows
/// whether a retry is safe. `is_shape_fresh` is true if the client has just read the slot map.
async fn routed(
    connection: &mut ClusterConnection,
    target: &ValkeyTarget,
    command: &Cmd,
    mut is_shape_fresh: bool,
) -> RedisResult<Value> {
    let mut pauses = ASTRAY.iter();
    loop {
        let answer = connection.req_packed_command(command).await.and_then(Value::extract_error);
        let Err(error) = answer else { return answer };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Ask) => return redirected(target, &error, command).await,
            // Despite a fresh slot map: the client could not connect to the node, or was redirected by a node
            // with an outdated view. Ask the named node directly.
            ErrorKind::Server(ServerErrorKind::Moved) if is_shape_fresh => {
                return redirected(target, &error, command).await;
            }
            // The client refreshes the slot map by itself, and the next request waits for that.
            ErrorKind::Server(ServerErrorKind::Moved) => is_shape_fresh = true,
            ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::TryAgain) => {
                let Some(pause) = pauses.next() else { return Err(error) };
                tokio::time::sleep(*pause).await;
            }
            _ => return Err(error),
        }
    }
}

/// Sends a command to the node that a MOVED or ASK error names. This is rare, and the client may not know the
/// node, so it uses a new connection for this one command.
async fn redirected(target: &ValkeyTarget, error: &RedisError, command: &Cmd) -> RedisResult<Value> {
    let node = error.redirect_node().and_then(|(node, _)| node.rsplit_once(':'));
    let node = node.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    let Some(node) = node else { return Err(error.clone()) };
    // An error before the command is sent means that nothing was executed, so report the redirection.
    let nothing_done = |_| error.clone();
    let mut connection = single(info(target, &node), target, settings()).await.map_err(nothing_done)?;
    if error.kind() == ErrorKind::Server(ServerErrorKind::Ask) {
        let asking = connection.req_packed_command(&redis::cmd("ASKING")).await;
        asking.and_then(Value::extract_error).map_err(nothing_done)?;
    }
    connection.req_packed_command(command).await.and_then(Value::extract_error)
}

/// A shard of a cluster: its primary, and its slots as inclusive ranges.
pub(super) struct Shard {
    pub(super) primary: ServerAddress,
    pub(super) ranges: Vec<(u16, u16)>,
}

/// Explains a connection error to the operator, with advice for common TLS mistakes.
pub(super) fn explained(error: &RedisError, target: &ValkeyTarget) -> String {
    let met = error.to_string();
    if met.contains("CertificateRequired") {
        return format!("it asks for a certificate of ours, and there is none ({met}): tls-auth-clients no");
    }
    if target.is_encrypted
        && ["UnknownIssuer", "BadSignature", "no native root"].iter().any(|reason| met.contains(reason))
    {
        let known =
            if target.authority.is_some() { "the one in VALKEY_CA_FILE" } else { "one that this system trusts" };
        return format!(
            "its certificate is not signed by {known} ({met}); VALKEY_CA_FILE names the authority's certificate"
        );
    }
    met
}

/// Host and port of a server.
pub(super) type ServerAddress = (String, u16);

/// The address of a cluster's primary; `None` if the target is not a cluster.
pub(super) type Primary = Option<ServerAddress>;

fn too_slow() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn info(target: &ValkeyTarget, (host, port): &ServerAddress) -> RedisResult<ConnectionInfo> {
    let (host, port) = (host.clone(), *port);
    let address = if target.is_encrypted {
        ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host, port)
    };
    let mut settings = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(target.database)
        .set_lib_name("rejoin", env!("CARGO_PKG_VERSION"));
    if let Some(user) = &target.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &target.password {
        settings = settings.set_password(password);
    }
    Ok(address.into_connection_info()?.set_redis_settings(settings).set_tcp_settings(tcp_settings()))
}

fn tcp_settings() -> TcpSettings {
    let keepalive = redis::io::tcp::socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive).set_user_timeout(KEEPALIVE)
}

/// Opens a connection to this server for pub/sub. `push` receives the server's push messages.
pub(super) async fn listening(
    node: &ServerAddress,
    target: &ValkeyTarget,
    push: impl AsyncPushSender,
) -> RedisResult<MultiplexedConnection> {
    single(info(target, node), target, settings().set_push_sender(push)).await
}

fn settings() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTING))
        .set_response_timeout(Some(RESPONSE))
        .set_pipeline_buffer_size(BUFFER)
}

async fn single(
    info: RedisResult<ConnectionInfo>,
    target: &ValkeyTarget,
    config: AsyncConnectionConfig,
) -> RedisResult<MultiplexedConnection> {
    let client =
        if target.is_encrypted { Client::build_with_tls(info?, certificates(target))? } else { Client::open(info?)? };
    // The client's own timeout covers only the TCP connection. The handshake after it needs this one.
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    tokio::time::timeout(CONNECTING, connecting).await.unwrap_or_else(|_| Err(too_slow()))
}

fn certificates(target: &ValkeyTarget) -> TlsCertificates {
    TlsCertificates { client_tls: None, root_cert: target.authority.clone() }
}

async fn cluster(target: &ValkeyTarget) -> RedisResult<ClusterConnection> {
    let nodes = target.nodes.iter().map(|node| info(target, node)).collect::<RedisResult<Vec<_>>>()?;
    let mut builder = ClusterClient::builder(nodes)
        .use_protocol(ProtocolVersion::RESP3)
        .connection_timeout(CONNECTING)
        .response_timeout(RESPONSE)
        .overall_response_timeout(Some(CLUSTER_RESPONSE))
        // No retries inside the client: a command that got no answer may have been executed, and the error of
        // a retry would hide that.
        .retries(0)
        .tcp_settings(tcp_settings());
    if target.is_encrypted {
        builder = builder.certs(certificates(target));
    }
    builder.build()?.get_async_connection().await
}

/// Asks all sentinels for the primary at the same time and returns the first answer. They are not asked one
/// after the other, because a frozen sentinel must not delay the others.
async fn ask_sentinels(target: &ValkeyTarget, service: &str, password: Option<&str>) -> RedisResult<(String, u16)> {
    let mut asking = tokio::task::JoinSet::new();
    for node in &target.nodes {
        let mut sentinel = ValkeyTarget { topology: Topology::Standalone, database: 0, user: None, ..target.clone() };
        sentinel.password = password.map(str::to_owned);
        let (node, service) = (node.clone(), service.to_owned());
        asking.spawn(async move { ask_sentinel(&sentinel, &node, &service).await });
    }
    let unknown = "no sentinel knows a primary of this name";
    let mut failure = RedisError::from((ErrorKind::MasterNameNotFoundBySentinel, unknown, service.to_owned()));
    while let Some(asked) = asking.join_next().await {
        match asked {
            Ok(Ok(Some(primary))) => return Ok(primary),
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => failure = error,
        }
    }
    Err(failure)
}

async fn ask_sentinel(
    target: &ValkeyTarget,
    node: &(String, u16),
    service: &str,
) -> RedisResult<Option<(String, u16)>> {
    let mut connection = single(info(target, node), target, settings()).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(service).query_async(&mut connection).await
}
