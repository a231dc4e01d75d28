//! The server process that is killed. It keeps its folder and its port over all restarts.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::client::{Api, Endpoints, Method};

/// The time limit for a start.
const PATIENCE: Duration = Duration::from_secs(20);
/// Below the ephemeral ports of the system. While the server is down, no outgoing connection of a bot can
/// take its port.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
/// The API key with which the drill may bring its own questions. Only this loopback server accepts it.
pub(super) const KEY: &str = "drill-key-of-this-loopback-server";
/// How much of the end of the log the report shows, in bytes.
const LAST_WORDS: usize = 2_000;

/// A running server. It is killed when this value is dropped.
#[derive(Debug)]
pub(super) struct Server {
    program: PathBuf,
    args: Vec<String>,
    folder: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Server {
    /// Starts `program` on a free loopback port with its files in `folder`, and waits until it is ready.
    pub(super) async fn start(
        program: &Path,
        args: &[String],
        folder: &Path,
        rng: &mut fastrand::Rng,
    ) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(rng)?));
        let (program, args) = (program.to_owned(), args.to_vec());
        let mut server = Self { program, args, folder: folder.to_owned(), address, child: None };
        server.spawn()?;
        server.ready().await?;
        Ok(server)
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The id of the server's process; `None` if it could not be restarted.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The folder of the server's file and log.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Kills the server with SIGKILL and restarts it at once. Returns the time until it is ready again.
    pub(super) async fn kill_and_restart(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.kill();
        self.spawn()?;
        self.ready().await?;
        Ok(begun.elapsed())
    }

    /// The end of the server's log, at most [`LAST_WORDS`] bytes.
    pub(super) fn last_words(&self) -> String {
        let log = std::fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LAST_WORDS)..]).trim().to_owned()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("stderr.log")
    }

    fn spawn(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log()).context("a log file")?;
        let mut command = Command::new(&self.program);
        // The environment may hold settings for another server of the operator.
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command.args([
            "serve",
            "--listen",
            &self.address.to_string(),
            "--admin-listen",
            "off",
            "--log",
            "warn",
            "--limits",
            "off",
            "--api-keys",
            KEY,
            "--data-dir",
        ]);
        command.arg(self.data()).args(&self.args);
        let child = command.spawn().with_context(|| format!("{} does not start", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let (begun, api) = (Instant::now(), Api::new(Endpoints::one(self.base())));
        loop {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                bail!("the server ended by itself ({status}): {}", self.last_words());
            }
            // Connecting is a cheap test: it fails at once if nothing listens yet.
            if TcpStream::connect(self.address).await.is_ok() {
                let asked = api.call(Method::GET, "/readyz", None, None).await;
                if asked.is_ok_and(|reply| reply.status == 200) {
                    return Ok(());
                }
            }
            ensure!(begun.elapsed() < PATIENCE, "the server is not ready: {}", self.last_words());
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The process may have ended by itself. Wait for it in any case, so that the port and the files
            // are free.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port(rng: &mut fastrand::Rng) -> anyhow::Result<u16> {
    let count = u64::from(PORTS.end - PORTS.start);
    let some = || PORTS.start + u16::try_from(rng.u64(..count)).expect("the range is one of u16");
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(some).take(200).find(is_free).context("no port is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_does_not_start_is_told_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let start = async |program: &str| {
            let started = Server::start(Path::new(program), &[], folder.path(), &mut fastrand::Rng::new()).await;
            format!("{:#}", started.expect_err("it is none"))
        };
        assert!(start("/bin/false").await.contains("ended by itself"));
        assert!(start("/no/such/program").await.contains("does not start"));
    }
}
