//! Rooms on a running server, and their connected seats.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use serde_json::{Value, json};

use super::load::Connection;
use super::socket::Socket;

/// The API key that the server is started with.
pub const KEY: &str = "a-key-for-benchmarks-only";
/// How many rooms are filled, or seats connected, at the same time, where the number does not matter.
pub const AT_ONCE: usize = 32;

/// A room id and the tokens of its seats.
#[derive(Clone)]
pub struct Room {
    pub id: Rc<str>,
    pub tokens: Rc<[String]>,
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Opens an external room and fills its seats.
async fn external(address: SocketAddr, seats: usize) -> Room {
    let mut connection = Connection::open(address).await;
    let settings = json!({"mode": "external", "maxSeats": seats}).to_string();
    let opened = connection.request_by(KEY, "POST", "/api/rooms", &settings).await;
    let id = text(&opened["roomId"]);
    let mut tokens = Vec::new();
    for n in 1..=seats {
        let (path, name) = (format!("/api/rooms/{id}/seats"), json!({"name": format!("Player {n}")}).to_string());
        tokens.push(text(&connection.request_by(KEY, "POST", &path, &name).await["token"]));
    }
    Room { id: id.into(), tokens: tokens.into() }
}

/// Opens `rooms` rooms with `seats` seats each.
pub async fn open(address: SocketAddr, rooms: usize, seats: usize) -> Vec<Room> {
    let opened = Rc::new(RefCell::new(Vec::new()));
    let into = opened.clone();
    super::all_of(rooms, AT_ONCE, move |_| {
        let into = into.clone();
        async move {
            let room = external(address, seats).await;
            into.borrow_mut().push(room);
        }
    })
    .await;
    opened.take()
}

/// Connects every seat of these rooms, `at_once` at the same time. Returns the sockets of each room.
pub async fn connect(address: SocketAddr, rooms: &[Room], at_once: usize) -> Vec<Vec<Socket>> {
    let sockets: Rc<RefCell<Vec<Vec<Socket>>>> = Rc::new(RefCell::new(rooms.iter().map(|_| Vec::new()).collect()));
    let (seats, into): (Rc<[_]>, _) = (seats(rooms).into(), sockets.clone());
    super::all_of(seats.len(), at_once, move |n| {
        let (seats, into) = (seats.clone(), into.clone());
        async move {
            let (place, room, token) = &seats[n];
            let (socket, _) = Socket::open(address, room, token).await;
            into.borrow_mut()[*place].push(socket);
        }
    })
    .await;
    sockets.take()
}

fn seats(rooms: &[Room]) -> Vec<(usize, Rc<str>, String)> {
    let seats = |(place, room): (usize, &Room)| {
        let id = room.id.clone();
        let seats: Vec<_> = room.tokens.iter().map(|token| (place, id.clone(), token.clone())).collect();
        seats
    };
    rooms.iter().enumerate().flat_map(seats).collect()
}
