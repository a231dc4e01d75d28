//! nginx with the configuration of `deploy/nginx.conf`, in front of one instance.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::valkey::ports::free_port;
use super::{Server, wait_for};

/// A running nginx, which is killed when this is dropped.
pub(crate) struct Nginx {
    child: Child,
    folder: TempDir,
    pub(crate) base: String,
}

impl Nginx {
    /// Starts an nginx that forwards all requests to this server. The server takes the place of every
    /// instance that the configuration names.
    pub(crate) fn before(server: &Server) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = super::fetched("target/nginx/nginx");
        let folder = tempfile::tempdir().expect("a folder");
        let (front, router) = (free_port(), free_port());
        let place = server.base.strip_prefix("http://").expect("the base is http");
        let mut conf = fs::read_to_string(root.join("deploy/nginx.conf")).expect("the configuration");
        let access_log = folder.path().join("access.log");
        for (what, instead) in [
            ("rejoin-a:8080", place.to_owned()),
            ("rejoin-b:8080", place.to_owned()),
            ("listen 8080;", format!("listen 127.0.0.1:{front};")),
            ("127.0.0.1:8079", format!("127.0.0.1:{router}")),
            ("/dev/stdout", access_log.display().to_string()),
        ] {
            assert!(conf.contains(what), "{what}");
            conf = conf.replace(what, &instead);
        }
        let here = folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/{name};\n"))
            .concat();
        let whole =
            format!("daemon off;\nmaster_process off;\npid {here}/pid;\nevents {{}}\nhttp {{\n{temporary}{conf}\n}}\n");
        let file = folder.path().join("nginx.conf");
        fs::write(&file, whole).expect("a file");
        let child = Command::new(&program)
            .args(["-e", "stderr", "-p"])
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let mut nginx = Self { child, folder, base: format!("http://127.0.0.1:{front}") };
        wait_for("nginx listens", || {
            assert_eq!(nginx.child.try_wait().expect("it is ours"), None, "nginx has ended");
            std::net::TcpStream::connect(("127.0.0.1", front)).ok()
        });
        nginx
    }

    /// Everything in the access log.
    pub(crate) fn access_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
