//! A backup of the real binary while players answer, restored on another server.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::support::{Client, Server, questions, right, until};

const PLAYERS: usize = 40;
/// The answers per second that the players aim at together. A busy machine may not carry as many.
const RATE: usize = 1_000;
/// Answers before the backup begins, and after it has ended.
const ANSWERS: usize = 2_000;
/// Games that nobody plays, so that there is something to copy.
const GAMES: usize = 4_000;
const QUESTIONS: u64 = 20;

/// The last verdict of each game that a player was told: how many answers, and the score.
type Told = HashMap<String, (u64, u64)>;

struct Players {
    told: Mutex<Told>,
    answers: AtomicUsize,
    stop: AtomicBool,
}

/// Plays one game after the other, at a steady pace.
async fn play(client: Client, players: Arc<Players>, pause: Duration) {
    let mut due = Instant::now();
    while !players.stop.load(Ordering::Relaxed) {
        let id = client.play(QUESTIONS).await;
        for n in 0..QUESTIONS {
            due += pause;
            tokio::time::sleep_until(due.into()).await;
            let verdict = client.answer_as(&format!("a{n}"), &id, n, right(n)).await.json(200);
            let (answered, total) = (verdict["answered"].as_u64().unwrap(), verdict["totalScore"].as_u64().unwrap());
            players.told.lock().insert(id.clone(), (answered, total));
            players.answers.fetch_add(1, Ordering::Relaxed);
            // Not behind by more than a moment: what was missed is not made up for.
            due = due.max(Instant::now() - Duration::from_millis(200));
        }
    }
}

/// Runs a command of the binary. Returns whether it succeeded, and what it said.
pub(super) fn rejoin(args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rejoin")).env_clear().args(args).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

async fn command(args: &[&str]) -> (bool, String) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let run = move || rejoin(&args.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

fn admin(server: &Server) -> &str {
    server.admin.strip_prefix("http://").expect("an address")
}

/// A player of a room, with the last event that she has.
struct Guest {
    token: String,
    room: String,
    epoch: Value,
    last: u64,
}

impl Guest {
    async fn join(client: &Client, code: &Value, name: &str) -> Self {
        let joined = client.post("/api/rooms/join", &json!({ "joinCode": code, "name": name })).await.json(201);
        let text = |name: &str| joined[name].as_str().unwrap().to_owned();
        let mut guest = Self { token: text("token"), room: text("roomId"), epoch: Value::Null, last: 0 };
        let first = guest.resume(client).await;
        (guest.epoch, guest.last) = (first["epoch"].clone(), first["head"].as_u64().unwrap());
        guest
    }

    async fn resume(&self, client: &Client) -> Value {
        let body = match &self.epoch {
            Value::Null => json!({}),
            epoch => json!({ "epoch": epoch, "lastSequence": self.last }),
        };
        client.with_key(&self.token).post(&format!("/api/rooms/{}/resume", self.room), &body).await.json(200)
    }
}

async fn served_as_told(client: &Client, told: &Told) {
    for (id, (answered, total)) in told {
        let results = client.results(id).await;
        let (now, score) = if results.status == 200 && results.clone().json(200)["completed"] == true {
            let results = results.json(200);
            (results["answers"].as_array().unwrap().len() as u64, results["totalScore"].as_u64().unwrap())
        } else {
            let game = client.resume(id).await.json(200);
            (QUESTIONS - game["questions"].as_array().unwrap().len() as u64, game["totalScore"].as_u64().unwrap())
        };
        // The backup may have answers that were acknowledged after it was asked for.
        assert!(now >= *answered && score >= *total, "{now} answers of {answered}, {score} points of {total}");
        // A repeat gets its first verdict, and counts nothing again.
        let last = answered - 1;
        let again = client.answer_as(&format!("a{last}"), id, last, right(last)).await.json(200);
        assert_eq!(
            (again["answered"].as_u64(), again["totalScore"].as_u64()),
            (Some(*answered), Some(*total)),
            "{again}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_that_was_acknowledged_before_a_backup_began_is_in_it() {
    let (folder, backups, elsewhere) = (tempdir(), tempdir(), tempdir());
    let server = Server::process(folder.path(), &["--limits", "off"]);
    let client = server.client();
    let room = client.post("/api/rooms", &json!({ "questions": questions(1), "readyMs": 0 })).await.json(201);
    let mut ada = Guest::join(&client, &room["joinCode"], "Ada").await;
    let filling = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            for _ in 0..GAMES / 8 {
                client.create(json!({ "count": 10 })).await;
            }
        })
    });
    for filled in filling.collect::<Vec<_>>() {
        filled.await.unwrap();
    }
    let players =
        Arc::new(Players { told: Mutex::default(), answers: AtomicUsize::new(0), stop: AtomicBool::new(false) });
    let pause = Duration::from_secs(1) * PLAYERS as u32 / RATE as u32;
    let playing: Vec<_> = (0..PLAYERS).map(|_| tokio::spawn(play(client.clone(), players.clone(), pause))).collect();
    until(|| players.answers.load(Ordering::Relaxed) > ANSWERS).await;
    let told = players.told.lock().clone();
    let (answers, begun) = (players.answers.load(Ordering::Relaxed), Instant::now());
    let backup = backups.path().join("backup.redb");
    let backup = backup.to_str().unwrap();
    let (is_good, said) = command(&["backup", backup, "--admin-listen", admin(&server)]).await;
    assert!(is_good && said.contains("made by the running server"), "{said}");
    let meanwhile = players.answers.load(Ordering::Relaxed) - answers;
    println!("{} answers in {:?} while it was made: {said}", meanwhile, begun.elapsed());
    until(|| players.answers.load(Ordering::Relaxed) > answers + meanwhile + ANSWERS).await;
    // The room goes on: Ada has events that the backup does not have.
    Guest::join(&client, &room["joinCode"], "Bob").await;
    let more = ada.resume(&client).await;
    assert_eq!(more["recovered"], true, "{more}");
    ada.last = more["head"].as_u64().unwrap();
    players.stop.store(true, Ordering::Relaxed);
    for player in playing {
        player.await.unwrap();
    }
    let in_the_end = players.told.lock().clone();
    served_as_told(&client, &in_the_end).await;
    let status = Client::new(&server.admin).get("/admin/api/backups").await.json(200);
    assert_eq!((&status["made"], &status["failed"], &status["running"]), (&json!(1), &json!(0), &Value::Null));
    server.logged("a backup was made").await;
    let (is_good, said) = command(&["backup", backup, "--admin-listen", admin(&server)]).await;
    assert!(!is_good && said.contains("exists already"), "{said}");
    server.stop().await;

    let data = elsewhere.path().to_str().unwrap();
    let (is_good, said) = command(&["restore", backup, "--data-dir", data]).await;
    assert!(is_good && said.contains("games restored as of"), "{said}");
    let server = Server::process(elsewhere.path(), &["--limits", "off"]);
    let client = server.client();
    served_as_told(&client, &told).await;
    // She has an event that this server has never had, and is told the truth.
    let back = ada.resume(&client).await;
    assert_eq!((&back["recovered"], back["snapshot"].is_object()), (&json!(false), true), "{back}");
    assert_ne!(back["epoch"], ada.epoch);
    assert!(back["head"].as_u64().unwrap() < ada.last);
    (ada.epoch, ada.last) = (back["epoch"].clone(), back["head"].as_u64().unwrap());
    Guest::join(&client, &room["joinCode"], "Eve").await;
    let on = ada.resume(&client).await;
    assert_eq!((&on["recovered"], on["events"].as_array().unwrap().len()), (&json!(true), 1), "{on}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_a_file_without_a_server_and_refuse_one_in_use() {
    let (folder, backups) = (tempdir(), tempdir());
    let data = folder.path().to_str().unwrap();
    let server = Server::process(folder.path(), &["--backup-every", "1h", "--backup-dir", path(backups.path())]);
    let id = server.client().play(2).await;
    // The first one is made at the start, because there is none yet.
    until(|| std::fs::read_dir(backups.path()).unwrap().any(|entry| is_backup(&entry.unwrap().path()))).await;
    for verb in ["check", "compact"] {
        let (is_good, said) = command(&[verb, "--data-dir", data]).await;
        assert!(!is_good && said.contains("is in use"), "{verb}: {said}");
    }
    let nobody = ["--admin-listen", "127.0.0.1:1", "--data-dir", data];
    let target = backups.path().join("mine.redb");
    let (is_good, said) = command(&[&["backup", path(&target)][..], &nobody].concat()).await;
    assert!(!is_good && said.contains("its admin listener does not answer"), "{said}");
    server.stop().await;
    let (is_good, said) = command(&[&["backup", path(&target)][..], &nobody].concat()).await;
    assert!(is_good && said.contains(": 1 game, ") && said.contains("of a file that no server uses"), "{said}");
    let (is_good, said) = command(&["check", path(&target)]).await;
    assert!(is_good && said.contains("a backup of") && said.contains("everything is whole"), "{said}");
    let (is_good, said) = command(&["compact", "--data-dir", data]).await;
    assert!(is_good && said.contains("before,") && said.contains(" now"), "{said}");
    let (is_good, said) = command(&["restore", path(&target), "--data-dir", data]).await;
    assert!(!is_good && said.contains("--replace"), "{said}");
    let (is_good, said) = command(&["restore", path(&target), "--data-dir", data, "--replace"]).await;
    assert!(is_good && said.contains("is kept as"), "{said}");
    let (is_good, said) = command(&["check", "--data-dir", data]).await;
    assert!(is_good, "{said}");
    // A damaged page: named, and after the repair everything else is there.
    let file = folder.path().join("rejoin.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    let place = bytes.windows(9).rposition(|window| window == b"What is 1").expect("a question");
    bytes[place] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let (is_good, said) = command(&["check", "--data-dir", data]).await;
    assert!(!is_good && said.contains("page at byte") && said.contains("--repair"), "{said}");
    let (is_good, said) = command(&["check", "--data-dir", data, "--repair"]).await;
    assert!(is_good && said.contains("the old file is kept as"), "{said}");
    let server = Server::process(folder.path(), &[]);
    assert_eq!(server.client().resume(&id).await.json(200)["questions"].as_array().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_damaged_games_fails_the_command_and_says_so_in_its_name_and_metric() {
    let (folder, backups) = (tempdir(), tempdir());
    let place = ["--backup-dir", path(backups.path())];
    let server = Server::process(folder.path(), &place);
    let ids = [server.client().play(2).await, server.client().play(2).await];
    server.stop().await;
    super::roots::damage_record(&folder.path().join("rejoin.redb"), &ids[0].parse().expect("an id"));

    let server = Server::process(folder.path(), &place);
    let left_out = async || {
        let metrics = Client::new(&server.admin).get("/metrics").await.text();
        let value = |line: &str| line.strip_prefix("rejoin_backup_left_out_games ")?.parse::<u64>().ok();
        metrics.lines().find_map(value)
    };
    assert_eq!(left_out().await, None, "none was made yet");
    let online = ["backup", "--admin-listen", admin(&server)];
    let (is_good, said) = command(&online).await;
    let missing = "the backup is incomplete: 1 damaged game is not in it. Stop the server, and rejoin check --repair";
    assert!(!is_good && said.contains("-incomplete.redb: 1 game, ") && said.contains(missing), "{said}");
    assert_eq!(left_out().await, Some(1));
    let given = backups.path().join("given.redb");
    let (is_good, said) = command(&[&online[..], &[path(&given)]].concat()).await;
    assert!(!is_good && said.contains(missing) && given.exists(), "{said}");
    server.stop().await;
    let offline = ["backup", "--admin-listen", "127.0.0.1:1", "--data-dir", path(folder.path())];
    let (is_good, said) = command(&[&offline[..], &place].concat()).await;
    assert!(!is_good && said.contains("is damaged: rejoin check"), "{said}");
    let unfinished = backups.path().join(".rejoin-copy-mine.redb");
    let (is_good, said) = command(&[&offline[..], &[path(&unfinished)]].concat()).await;
    assert!(!is_good && said.contains("unfinished files") && !unfinished.exists(), "{said}");
    let names = std::fs::read_dir(backups.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let incomplete = names.filter(|name| name.to_string_lossy().ends_with("Z-incomplete.redb"));
    assert_eq!(incomplete.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_file_says_why_there_is_no_backup() {
    let folder = tempdir();
    let server = Server::process(folder.path(), &["--store", "memory"]);
    let target = folder.path().join("never.redb");
    let (is_good, said) = command(&["backup", path(&target), "--admin-listen", admin(&server)]).await;
    assert!(!is_good && said.contains("in memory only") && !target.exists(), "{said}");
    server.stop().await;
    for (args, name) in [
        (&["--backup-every", "1h"][..], "REJOIN_BACKUP_DIR"),
        (&["--backup-every", "1s", "--backup-dir", "b"], "REJOIN_BACKUP_EVERY"),
        (&["--backup-every", "1h", "--backup-dir", "b", "--store", "memory"], "REJOIN_BACKUP_EVERY"),
        (&["--backup-keep", "3"], "REJOIN_BACKUP_EVERY"),
    ] {
        let (code, said) = crate::support::server::refused(folder.path(), args).await;
        assert!(code == Some(1) && said.contains(name), "{args:?}: {said}");
    }
}

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("plain names")
}

fn is_backup(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "redb")
        && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rejoin-"))
}
