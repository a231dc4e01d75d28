//! Settings of the commands that ask a running server over its admin listener.

use clap::{Args, Subcommand, ValueEnum};

use super::AdminSettings;

/// Settings of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// How to reach the server.
    #[command(flatten)]
    pub admin: AdminSettings,

    /// Print the server's reply as JSON
    #[arg(long)]
    pub json: bool,
}

/// The commands of `sessions`.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List live sessions, oldest first
    List(ListArgs),
    /// Show one session
    Show(ShowArgs),
    /// End a session: it is deleted with its answers and results, and its players are told
    End(EndArgs),
}

/// A kind of sessions.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ListedKind {
    /// Solo games
    Solo,
    /// Rooms
    Room,
    /// Sessions that can't be read
    Damaged,
}

/// Settings of `sessions list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How to reach the server.
    #[command(flatten)]
    pub admin: AdminSettings,

    /// List only sessions of this kind
    #[arg(long, value_enum)]
    pub kind: Option<ListedKind>,

    /// Go on after this session, with which the previous page ended
    #[arg(long, value_name = "SESSION")]
    pub after: Option<String>,

    /// How many sessions to list at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub limit: u16,

    /// Print the server's reply as JSON
    #[arg(long)]
    pub json: bool,
}

/// Settings of `sessions show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// How to reach the server.
    #[command(flatten)]
    pub admin: AdminSettings,

    /// The session, as `sessions list` and the log show it; or a room's join code, or a whole session id
    #[arg(value_name = "SESSION")]
    pub session: String,

    /// Print the server's reply as JSON
    #[arg(long)]
    pub json: bool,
}

/// Settings of `sessions end`.
#[derive(Debug, Args)]
pub struct EndArgs {
    /// Which session, and on which server.
    #[command(flatten)]
    pub show: ShowArgs,

    /// Do not ask before the session is ended. Needed where there is no terminal
    #[arg(long)]
    pub yes: bool,
}
