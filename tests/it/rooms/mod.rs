//! Rooms from outside: seats that are kept through kills, cuts, double taps and cheats, over real
//! sockets. Where a client is needed it is `rejoin::client`, which checks what it is told; where one
//! must misbehave it is [`Raw`].

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
mod party;
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

/// A server in this process.
fn server(args: &[&str]) -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::here(folder.path(), args);
    (folder, server)
}

/// A place where a process can be started again and again.
fn fixed_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// The real binary at this address.
fn process_at(address: &str, folder: &Path, args: &[&str]) -> Server {
    let folder_name = folder.to_str().unwrap();
    let words = [&["serve", "--listen", address, "--data-dir", folder_name, "--workers", "2"], args].concat();
    Server::process(folder, &words)
}

fn api(server: &Server) -> Api {
    Api::new(Endpoints::one(&*server.base))
}

/// Settings of a room of so many [`questions`] that opens each at once, and these besides.
fn settings(count: u64, more: Value) -> Value {
    let mut settings = json!({ "questions": questions(count), "readyMs": 0, "timeLimitMs": 60_000 });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    settings
}

/// A room of [`settings`]; another one if the reply was lost.
async fn open(api: &Api, count: u64, more: Value) -> Opened {
    let settings = settings(count, more);
    loop {
        match api.open(&settings, None).await {
            Err(CallError::NoReply(_)) => {}
            opened => return opened.unwrap(),
        }
    }
}

/// The results, asked for again if the reply was lost.
async fn results(api: &Api, ticket: &SeatCredentials) -> Value {
    loop {
        match api.results(ticket).await {
            Err(CallError::NoReply(_)) => {}
            results => return results.unwrap(),
        }
    }
}

/// A seat's live connection, once it stands.
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

/// The next welcome.
async fn welcome(happenings: &mut Happenings) -> rejoin::client::Welcome {
    happening(happenings, |happening| match happening {
        ClientEvent::Welcome(welcome) => Some(*welcome),
        _ => None,
    })
    .await
}

/// The next event of this name.
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
