//! A real Valkey, configured by `deploy/valkey.conf`.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running Valkey. It is killed when this value is dropped.
pub struct Valkey {
    child: Child,
    pub url: String,
}

impl Valkey {
    /// Starts a Valkey with its files in `folder`. `sync` is its `appendfsync`: `everysec` or `always`.
    pub fn start(folder: &Path, sync: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = root.join("target/valkey/valkey-server");
        assert!(program.exists(), "this needs {}: tests/servers.sh fetches it", program.display());
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        let mut command = Command::new(program);
        command.arg(root.join("deploy/valkey.conf")).args(["--bind", "127.0.0.1", "--appendfsync", sync]);
        command.args(["--port", &address.port().to_string(), "--dir"]).arg(folder);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, url: format!("valkey://{address}") }
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
