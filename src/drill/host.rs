//! The host of a room: moves the room on, unless the room advances by itself.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use super::room::REVEAL;
use crate::client::{AskError, ClientEvent, Connection};

/// Plays the host until the game ends. `moves` is false if the room advances by itself.
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
            // A reveal that was not received as an event is in the snapshot.
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
            // Only this host moves the room: a move that was sent once must not be stale.
            Ok(moved) if !moved.moved && !moved.repeated => {
                troubles.lock().push(format!("a host's move from phase {at} moved nothing"));
            }
            // The stop itself is received as an event and reported there.
            Ok(_) | Err(AskError::Stopped(_)) => {}
            Err(error) => troubles.lock().push(format!("a host's move was refused: {error}")),
        }
    }
}

fn phase_number(of: &Value) -> Option<u64> {
    of["phaseNumber"].as_u64()
}
