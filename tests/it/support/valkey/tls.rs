//! A server that accepts only TLS. The pinned Valkey was built without TLS, so Redis 7.0 takes its place.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::access::Access;
use super::ports::free_ports;
use super::server::{ValkeyServer, command};
use crate::support::fetched;

/// A TLS server. Its certificate, for 127.0.0.1 and localhost, is signed by an authority that it has for
/// itself.
pub(crate) struct TlsServer(pub(crate) ValkeyServer);

impl TlsServer {
    /// Starts a server with `deploy/valkey.conf` and `args`. Returns once it accepts commands.
    pub(crate) fn start(args: &[&str]) -> Self {
        let papers = Papers::issued();
        let access = Access { tls: Some(Arc::new(trusting(papers.trusted.clone()))), ..Access::plain(args) };
        Self(ValkeyServer::start_by(free_ports(), access, |port, folder| {
            let put = |(name, text): (&str, &String)| {
                std::fs::write(folder.join(name), text).expect("the folder takes a file");
            };
            [("ca.pem", &papers.authority), ("server.pem", &papers.certificate), ("key.pem", &papers.key)]
                .into_iter()
                .for_each(put);
            let port = port.to_string();
            // The paths are relative to the folder in which it runs.
            let own = ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"];
            let files = ["--tls-ca-cert-file", "ca.pem", "--tls-cert-file", "server.pem", "--tls-key-file", "key.pem"];
            command(fetched("target/redis/redis-server"), folder, &[&own[..], &files, args].concat())
        }))
    }

    /// The PEM file with the certificate of the authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.0.folder().join("ca.pem")
    }
}

/// The certificates and the key of a TLS server, in PEM, and the certificate that its clients must trust.
pub(crate) struct Papers {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
    trusted: CertificateDer<'static>,
}

impl Papers {
    pub(crate) fn issued() -> Self {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate().expect("a key");
        let own = authority.self_signed(&authority_key).expect("a certificate");
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("a key");
        let server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()]).expect("two good names");
        let certificate = server.signed_by(&key, &issuer).expect("a certificate").pem();
        Self { authority: own.pem(), certificate, key: key.serialize_pem(), trusted: own.into() }
    }
}

/// The settings of a client that trusts only this authority.
pub(crate) fn trusting(authority: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority).expect("it is an authority's");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ring knows them");
    builder.with_root_certificates(roots).with_no_client_auth()
}
