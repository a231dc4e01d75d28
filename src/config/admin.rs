//! Settings of the admin listener. The server and the operator's commands share them.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;

use super::{address, api_keys};
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

    /// A file of such tokens, one per line, read again on SIGHUP. All of them are accepted, and the commands use the
    /// first
    #[arg(long, env = "REJOIN_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
}

impl AdminSettings {
    /// Checks the settings for contradictions.
    ///
    /// # Errors
    /// The first wrong setting, by name.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.token().is_none() || self.admin_token_file.is_none(),
            "REJOIN_ADMIN_TOKEN and REJOIN_ADMIN_TOKEN_FILE are both set: use one"
        );
        let is_reached = matches!(self.admin_listen, Some(AdminListen::At(address)) if !address.ip().is_loopback());
        ensure!(
            !is_reached || self.token().is_some() || self.admin_token_file.is_some(),
            "REJOIN_ADMIN_LISTEN is not a loopback address: it needs REJOIN_ADMIN_TOKEN or REJOIN_ADMIN_TOKEN_FILE"
        );
        Ok(())
    }

    /// The accepted tokens. Empty if every caller is let in.
    ///
    /// # Errors
    /// The file can't be read or has no token, a token is too short or invalid, or stands there twice.
    pub fn tokens(&self) -> anyhow::Result<Vec<ApiKey>> {
        api_keys("REJOIN_ADMIN_TOKEN", self.token(), "REJOIN_ADMIN_TOKEN_FILE", self.admin_token_file.as_deref())
    }

    /// The token that a command shows to the server. `None` if no token is set.
    ///
    /// # Errors
    /// The file can't be read or has no token.
    pub fn own_token(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.admin_token_file else { return Ok(self.token().map(str::to_owned)) };
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("REJOIN_ADMIN_TOKEN_FILE: {}", file.display()))?;
        let token = text.lines().map(str::trim).find(|token| !token.is_empty());
        let token = token.with_context(|| format!("REJOIN_ADMIN_TOKEN_FILE: {} holds no token", file.display()))?;
        Ok(Some(token.to_owned()))
    }

    /// The token of the setting. Compose files pass an unset variable as an empty one.
    fn token(&self) -> Option<&str> {
        self.admin_token.as_deref().filter(|token| !token.is_empty())
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
        assert!(settings(&[&open[..], &["--admin-token", ""]].concat()).is_err());
        assert!(settings(&[&open[..], &["--admin-token", "0123456789abcdef"]].concat()).is_ok());
        assert!(settings(&["--admin-listen", "[::1]:9090"]).is_ok());
        let off = settings(&["--admin-listen", "off"]).expect("it may be off");
        assert_eq!(off.admin_listen, Some(AdminListen::Off));
        assert!(settings(&["--admin-listen", "9090"]).is_err());
    }

    #[test]
    fn a_file_may_hold_several_tokens_and_the_commands_use_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tokens");
        let args = ["--admin-token-file", file.to_str().expect("a plain name")];
        let settings = settings(&args).expect("good settings");
        assert!(settings.tokens().is_err_and(|error| format!("{error:#}").contains("REJOIN_ADMIN_TOKEN_FILE")));
        std::fs::write(&file, "\n0123456789abcdef\nfedcba9876543210\n").expect("written");
        assert_eq!(settings.tokens().expect("good tokens").len(), 2);
        assert_eq!(settings.own_token().expect("a token").as_deref(), Some("0123456789abcdef"));
        std::fs::write(&file, "short\n").expect("written");
        assert!(settings.tokens().is_err_and(|error| !format!("{error:#}").contains("short")));
    }
}
