//! Rooms, tested from outside over real sockets: seats survive kills, lost connections, repeated requests and
//! cheating. Tests use `rejoin::client`, which checks everything that it receives, or [`Raw`] where a client
//! must misbehave.

mod again;
mod alone;
mod away;
mod burst;
mod chaos;
mod cheats;
mod codes;
mod external;
mod http;
mod keys;
mod killed;
mod live;
mod owners;
pub(crate) mod party;
mod raw;
mod reads;
mod reconnect;
mod refusals;
mod repeats;
mod shared;
mod slow;

use std::path::Path;

use rejoin::client::{
    Api, CallError, ClientEvent, ConnectOptions, Connection, Endpoints, Opened, SeatCredentials, TakenSeat, connect,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::support::valkey::ports::free_port;
use crate::support::{Server, in_time, questions};

type Happenings = UnboundedReceiver<ClientEvent>;

/// A server in this process with its own folder.
fn server(args: &[&str]) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), args);
    (folder, server)
}

/// An address at which a process can be started again and again.
fn fixed_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// The real binary at this address, with its file in `folder`.
fn process_at(address: &str, folder: &Path, args: &[&str]) -> Server {
    let folder_name = folder.to_str().unwrap();
    let words =
        [&["serve", "--admin-listen", "off", "--listen", address, "--data-dir", folder_name, "--workers", "2"], args]
            .concat();
    Server::process(folder, &words)
}

fn api(server: &Server) -> Api {
    Api::new(Endpoints::one(&*server.base))
}

/// The settings of a room with `count` own [`questions`] that open without a ready phase. `more` are further
/// settings.
fn settings(count: u64, more: Value) -> Value {
    let mut settings = json!({ "questions": questions(count), "readyMs": 0, "timeLimitMs": 60_000 });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

/// Opens a room with [`settings`]. If the reply is lost, it opens another room.
async fn open(api: &Api, count: u64, more: Value) -> Opened {
    let settings = settings(count, more);
    loop {
        match api.open(&settings, None).await {
            Err(CallError::NoReply(_)) => {}
            opened => return opened.unwrap(),
        }
    }
}

/// The results of a room, requested again if the reply is lost.
async fn results(api: &Api, ticket: &SeatCredentials) -> Value {
    loop {
        match api.results(ticket).await {
            Err(CallError::NoReply(_)) => {}
            results => return results.unwrap(),
        }
    }
}

/// The live connection of a seat, once it has received the welcome.
async fn connected(api: &Api, ticket: &SeatCredentials) -> (Connection, Happenings) {
    let (connection, mut happenings) = connect(ticket.clone(), ConnectOptions::new(api.bases()));
    welcome(&mut happenings).await;
    (connection, happenings)
}

async fn happening<T>(happenings: &mut Happenings, mut pick: impl FnMut(ClientEvent) -> Option<T>) -> T {
    let picked = async {
        loop {
            let happening = happenings.recv().await.expect("the client goes on");
            if let Some(picked) = pick(happening) {
                return picked;
            }
        }
    };
    in_time(picked).await
}

/// Waits for the next welcome.
async fn welcome(happenings: &mut Happenings) -> rejoin::client::Welcome {
    happening(happenings, |happening| match happening {
        ClientEvent::Welcome(welcome) => Some(*welcome),
        _ => None,
    })
    .await
}

/// Waits for the next event with this name.
async fn event(happenings: &mut Happenings, name: &str) -> rejoin::client::EventFrame {
    happening(happenings, |happening| match happening {
        ClientEvent::Event(event) if event.event == name => Some(*event),
        _ => None,
    })
    .await
}

async fn join(api: &Api, room: &Opened, name: &str) -> TakenSeat {
    api.join(&room.join_code, name).await.unwrap()
}
