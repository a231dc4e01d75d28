//! Settings of the admin listener. The server and the operator's commands share them.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;

use super::address;
use super::keys::KeySource;
use crate::http::ApiKey;

/// Where the admin listener is, unless it is set.
pub const USUAL_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9_090);

/// Where the admin listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminListen {
    /// There is none.
    Off,
    /// At this address.
    At(SocketAddr),
}

/// Settings of the admin listener.
#[derive(Debug, Clone, Args)]
pub struct AdminSettings {
    /// The address of the admin listener, for operators: metrics, the page /admin, backups. off: there is none
    /// [default: 127.0.0.1:9090, or none if that port is taken]
    #[arg(long, env = "REJOIN_ADMIN_LISTEN", value_parser = admin_listen, value_name = "ADDRESS|off")]
    pub admin_listen: Option<AdminListen>,

    /// The token that callers of the admin listener must show, at least 16 printable ASCII characters. Required if
    /// the address is not a loopback address
    #[arg(long, env = "REJOIN_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub admin_token: Option<String>,

    /// A file of such tokens, one per line, read again on SIGHUP. All of them are accepted, and the commands try one
    /// after the other. A line that begins with # is a comment
    #[arg(long, env = "REJOIN_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
}

impl AdminSettings {
    /// Checks the settings for contradictions.
    ///
    /// # Errors
    /// The first wrong setting, by name.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        self.source().check()?;
        let is_reached = matches!(self.admin_listen, Some(AdminListen::At(address)) if !address.ip().is_loopback());
        ensure!(
            !is_reached || self.admin_token.is_some() || self.admin_token_file.is_some(),
            "REJOIN_ADMIN_LISTEN is not a loopback address: it needs REJOIN_ADMIN_TOKEN or REJOIN_ADMIN_TOKEN_FILE"
        );
        Ok(())
    }

    /// The accepted tokens. Empty if every caller is let in.
    ///
    /// # Errors
    /// The file can't be read or has no token, a token is too short or invalid, or stands there twice.
    pub fn tokens(&self) -> anyhow::Result<Vec<ApiKey>> {
        Ok(self.source().read()?.into_iter().map(|(token, _)| token).collect())
    }

    /// The tokens that a command may show to the server, in their order. Empty if no token is set.
    ///
    /// # Errors
    /// The same as of [`tokens`](Self::tokens).
    pub fn shown_tokens(&self) -> anyhow::Result<Vec<String>> {
        Ok(self.source().read()?.into_iter().map(|(_, text)| text).collect())
    }

    fn source(&self) -> KeySource<'_> {
        KeySource {
            setting: "REJOIN_ADMIN_TOKEN",
            keys: self.admin_token.as_slice(),
            file_setting: "REJOIN_ADMIN_TOKEN_FILE",
            file: self.admin_token_file.as_deref(),
        }
    }
}

fn admin_listen(text: &str) -> Result<AdminListen, String> {
    if text == "off" { Ok(AdminListen::Off) } else { address(text).map(AdminListen::At) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Cli;
    use super::*;

    fn settings(args: &[&str]) -> anyhow::Result<AdminSettings> {
        let cli = Cli::try_parse_from([&["rejoin"], args].concat())?;
        cli.serve.check()?;
        Ok(cli.serve.admin)
    }

    #[test]
    fn others_reach_the_admin_listener_only_with_a_token() {
        let open = ["--admin-listen", "0.0.0.0:9090"];
        assert!(settings(&open).is_err_and(|error| error.to_string().contains("REJOIN_ADMIN_TOKEN")));
        assert!(settings(&[&open[..], &["--admin-token", "0123456789abcdef"]].concat()).is_ok());
        assert!(settings(&["--admin-listen", "[::1]:9090"]).is_ok());
        let off = settings(&["--admin-listen", "off"]).expect("it may be off");
        assert_eq!(off.admin_listen, Some(AdminListen::Off));
        assert!(settings(&["--admin-listen", "9090"]).is_err());
    }

    #[test]
    fn a_file_may_hold_several_tokens_with_names_for_the_server_and_the_commands_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tokens");
        let args = ["--admin-token-file", file.to_str().expect("a plain name")];
        let settings = settings(&args).expect("good settings");
        let refused = |read: anyhow::Result<()>| read.is_err_and(|error| format!("{error:#}").contains("_TOKEN_FILE"));
        assert!(refused(settings.tokens().map(drop)) && refused(settings.shown_tokens().map(drop)));
        std::fs::write(&file, "# for Ada\nada:0123456789abcdef\nfedcba9876543210\n").expect("written");
        let tokens = settings.tokens().expect("good tokens");
        assert_eq!((tokens.len(), tokens[0].name().as_str()), (2, "ada"));
        assert_eq!(settings.shown_tokens().expect("good tokens"), ["0123456789abcdef", "fedcba9876543210"]);
        std::fs::write(&file, "short\n").expect("written");
        assert!(refused(settings.tokens().map(drop)) && refused(settings.shown_tokens().map(drop)));
    }
}
