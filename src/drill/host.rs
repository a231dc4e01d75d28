//! The host of a room: moves it on, where it does not advance by itself.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use super::room::REVEAL;
use crate::client::{AskError, ClientEvent, Connection};

/// Plays the host to the end of the game.
pub(super) async fn run(
    connection: Connection,
    mut happenings: UnboundedReceiver<ClientEvent>,
    moves: bool,
    troubles: Arc<Mutex<Vec<String>>>,
) {
    while let Some(happening) = happenings.recv().await {
        let standing = match &happening {
            ClientEvent::Event(event) if event.event == "finished" => return,
            ClientEvent::Event(event) if event.event == "reveal" => phase_number(&event.payload),
            // A reveal that was not told in events stands in the snapshot.
            ClientEvent::Welcome(welcome) if !welcome.recovered && welcome.snapshot["phase"] == "finished" => return,
            ClientEvent::Welcome(welcome) if !welcome.recovered && welcome.snapshot["phase"] == "reveal" => {
                phase_number(&welcome.snapshot)
            }
            ClientEvent::Stopped(why) => {
                troubles.lock().push(format!("a host was stopped: {why}"));
                return;
            }
            _ => None,
        };
        let Some(at) = standing.filter(|_| moves) else { continue };
        sleep(REVEAL).await;
        match connection.host_move("next", json!({ "at": at })).await {
            // What moved nothing the first time was stale, and nobody else moves this room.
            Ok(moved) if !moved.moved && !moved.repeated => {
                troubles.lock().push(format!("a host's move from phase {at} moved nothing"));
            }
            // The client was stopped, and says so.
            Ok(_) | Err(AskError::Stopped(_)) => {}
            Err(error) => troubles.lock().push(format!("a host's move was refused: {error}")),
        }
    }
}

fn phase_number(of: &Value) -> Option<u64> {
    of["phaseNumber"].as_u64()
}
