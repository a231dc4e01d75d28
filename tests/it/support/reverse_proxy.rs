//! nginx and Caddy with the configurations of `deploy/`, in front of one or two instances.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConnection, StreamOwned};
use tempfile::TempDir;

use super::valkey::ports::free_port;
use super::valkey::tls::{Papers, trusting};
use super::{Server, wait_for};

/// A running proxy, which is killed when this is dropped.
pub(crate) struct ReverseProxy {
    child: Child,
    folder: TempDir,
    /// Its URL without TLS.
    pub(crate) base: String,
    /// Its port with TLS, and the file (PEM) of the authority to trust there. The name is `localhost`.
    tls: Option<(u16, String)>,
}

impl ReverseProxy {
    /// nginx before several instances. The server takes the place of each of them.
    pub(crate) fn nginx_before(server: &Server) -> Self {
        Self::nginx_between([&server.base, &server.base])
    }

    /// nginx before the two instances with these URLs.
    pub(crate) fn nginx_between(bases: [&str; 2]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (front, router, [a, b]) = (free_port(), free_port(), bases.map(place));
        let conf = edited(
            "deploy/nginx.conf",
            &[
                ("rejoin-a:8080", a),
                ("rejoin-b:8080", b),
                ("listen 8080;", &format!("listen 127.0.0.1:{front};")),
                ("127.0.0.1:8079", &format!("127.0.0.1:{router}")),
                ("/dev/stdout", &inside(&folder, "access.log")),
            ],
        );
        Self { child: nginx(&folder, &conf), folder, base: base(front), tls: None }.started(front)
    }

    /// nginx with TLS before one instance.
    pub(crate) fn nginx_single_before(server: &Server) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (redirect, front, tls) = (free_port(), free_port(), free_port());
        let papers = Papers::issued();
        let [authority, certificate, key] = ["ca.pem", "server.pem", "key.pem"].map(|name| inside(&folder, name));
        fs::write(&authority, &papers.authority).expect("a file");
        fs::write(&certificate, &papers.certificate).expect("a file");
        fs::write(&key, &papers.key).expect("a file");
        let conf = edited(
            "deploy/nginx-single.conf",
            &[
                ("127.0.0.1:8080", place(&server.base)),
                ("listen 80;", &format!("listen 127.0.0.1:{redirect};")),
                ("    listen [::]:80;\n", ""),
                ("listen 443 ssl http2;", &format!("listen 127.0.0.1:{front}; listen 127.0.0.1:{tls} ssl http2;")),
                ("    listen [::]:443 ssl http2;\n", ""),
                ("/etc/letsencrypt/live/play.example.org/fullchain.pem", &certificate),
                ("/etc/letsencrypt/live/play.example.org/privkey.pem", &key),
                ("play.example.org", "localhost"),
                ("/var/log/nginx/rejoin.log", &inside(&folder, "access.log")),
                ("/var/log/nginx/rejoin-error.log", &inside(&folder, "error.log")),
            ],
        );
        Self { child: nginx(&folder, &conf), folder, base: base(front), tls: Some((tls, authority)) }.started(front)
    }

    /// Caddy before one instance: for the domain `localhost`, and without TLS for any.
    pub(crate) fn caddy_before(server: &Server) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (front, tls) = (free_port(), free_port());
        let options = "skip_install_trust\n\tadmin off\n\tauto_https disable_redirects";
        let conf = edited("deploy/Caddyfile", &[("skip_install_trust", options)]);
        fs::write(folder.path().join("Caddyfile"), conf).expect("a file");
        let child = Command::new(super::fetched("target/caddy/caddy"))
            .args(["run", "--config", "Caddyfile"])
            .current_dir(folder.path())
            .env("DOMAIN", format!("http://:{front}, https://localhost:{tls}"))
            .env("UPSTREAM", place(&server.base))
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .stdin(Stdio::null())
            .stderr(fs::File::create(folder.path().join("access.log")).expect("a file"))
            .spawn()
            .expect("Caddy starts");
        let authority = inside(&folder, "caddy/pki/authorities/local/root.crt");
        Self { child, folder, base: base(front), tls: Some((tls, authority)) }.started(front)
    }

    /// The same, once it listens.
    fn started(mut self, front: u16) -> Self {
        wait_for("the proxy listens", || {
            let ended = self.child.try_wait().expect("it is ours");
            assert_eq!(ended, None, "the proxy has ended: {}", self.access_log());
            TcpStream::connect((Ipv4Addr::LOCALHOST, front)).ok()
        });
        self
    }

    /// Everything in the access log, or for Caddy in its only log.
    pub(crate) fn access_log(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }

    /// The reply to a GET request over TLS, as text with its head.
    pub(crate) fn get_over_tls(&self, path: &str) -> String {
        let (port, authority) = self.tls.as_ref().expect("it has TLS");
        // Caddy makes its authority and its certificate while it already listens.
        wait_for("a reply over TLS", || {
            let trusted = CertificateDer::from_pem_file(authority).ok()?;
            let name = "localhost".try_into().expect("a good name");
            let connection = ClientConnection::new(Arc::new(trusting(trusted)), name).expect("good settings");
            let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).ok()?;
            let mut stream = StreamOwned::new(connection, socket);
            write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
            let mut reply = String::new();
            stream.read_to_string(&mut reply).ok().map(|_| reply)
        })
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn base(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The address and port in a server's URL.
fn place(base: &str) -> &str {
    base.strip_prefix("http://").expect("the base is http")
}

fn inside(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

/// A configuration of `deploy/` with texts replaced. Each of them must be there.
fn edited(file: &str, replaced: &[(&str, &str)]) -> String {
    let conf = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("the configuration");
    replaced.iter().fold(conf, |conf, (what, instead)| {
        assert!(conf.contains(what), "{what}");
        conf.replace(what, instead)
    })
}

/// Starts an nginx that has this configuration and keeps its files in `folder`.
fn nginx(folder: &TempDir, conf: &str) -> Child {
    let here = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {here}/{name};\n"))
        .concat();
    let whole =
        format!("daemon off;\nmaster_process off;\npid {here}/pid;\nevents {{}}\nhttp {{\n{temporary}{conf}\n}}\n");
    let file = folder.path().join("nginx.conf");
    fs::write(&file, whole).expect("a file");
    Command::new(super::fetched("target/nginx/nginx"))
        .args(["-e", "stderr", "-p"])
        .arg(folder.path())
        .arg("-c")
        .arg(&file)
        .stdin(Stdio::null())
        .spawn()
        .expect("nginx starts")
}
