//! After the games: compares the server's results with what the players saw.

use serde_json::Value;

use super::room::DrillRoom;
use crate::client::Api;

/// The comparison for one player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Compared {
    /// The verdicts, the ranking and both results show the same score.
    Agrees,
    /// The scores differ, or the results could not be read. Holds the description.
    Disagrees(String),
}

/// Compares each player's own sum with the final ranking, the player's results and the host's results.
pub(super) async fn compare(rooms: &[DrillRoom], api: &Api) -> Vec<Compared> {
    let mut compared = Vec::new();
    for room in rooms {
        let host = api.results(&room.host_ticket).await;
        for player in &room.players {
            let (own, ranked) = (player.connection.total(), player.connection.final_total());
            let mine = api.results(&player.ticket).await;
            let told = [&mine, &host].map(|results| results.as_ref().ok().and_then(|told| total(told, player.seat)));
            let is_good = ranked == Some(own) && told.iter().all(|told| *told == Some(own));
            compared.push(if is_good {
                Compared::Agrees
            } else {
                let failed = [mine.as_ref().err(), host.as_ref().err()].into_iter().flatten().next();
                let why = failed.map(|error| format!(" ({error})")).unwrap_or_default();
                let [mine, host] = told;
                Compared::Disagrees(format!(
                    "seat {} sums up to {own}, the ranking tells {ranked:?}, its results {mine:?}, the host's {host:?}{why}",
                    player.seat
                ))
            });
        }
    }
    compared
}

/// The total of a seat, at any depth in the results.
fn total(results: &Value, seat: u64) -> Option<i64> {
    let own = |value: &Value| ["total", "totalScore"].iter().find_map(|name| value[name].as_i64());
    match results {
        Value::Object(fields) => {
            let is_of_seat = fields.get("seatId").is_some_and(|id| id.as_u64() == Some(seat));
            let here = own(results).filter(|_| is_of_seat);
            here.or_else(|| fields.values().find_map(|value| total(value, seat)))
        }
        Value::Array(values) => values.iter().find_map(|value| total(value, seat)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_seats_total_is_found_where_it_stands() {
        let all = json!({"roomId": "r", "seats": [{"seatId": 2, "total": 50}, {"seatId": 3, "totalScore": 150}]});
        assert_eq!([2, 3, 4].map(|seat| total(&all, seat)), [Some(50), Some(150), None]);
        assert_eq!(total(&json!({"seatId": 3, "name": "Ada", "total": 150}), 3), Some(150));
    }
}
