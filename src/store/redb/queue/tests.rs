//! Tests of the queue: limits, batches, and the share of each session.

use std::sync::Arc;

use super::*;
use crate::domain::room::{Caller, RoomAction};
use crate::domain::solo::{Deliver, NewSolo};
use crate::domain::{Lifetimes, Millis, Timestamp, WallTime};

fn create(n: u64, quiz: Quiz) -> Work {
    let lifetimes = Lifetimes { ttl: Millis(1), max_age: Millis(1), results_ttl: Millis(1) };
    let now = Timestamp::from_millis(1);
    let id = SessionId::generate(n, &[0; 10]);
    let new = NewSolo { user: None, metadata: None, started: WallTime(0), deliver: Deliver::All, request: [0; 16] };
    let session = Box::new(GameSession::solo(id, n, new, quiz, lifetimes, now));
    let (answer, _) = oneshot::channel();
    Work::Create { session, at: Moment { now, up_since: now, wall: WallTime(0) }, reply: ReplySlot::to(answer) }
}

/// A quiz of 200 KiB.
fn large_quiz() -> Quiz {
    let mut quiz = crate::store::format::tests::quiz();
    Arc::make_mut(&mut quiz.questions[0]).text = Some("?".repeat(200 * 1024));
    quiz
}

fn bytes(queue: &Queue) -> usize {
    let state = queue.state.lock();
    state.bytes + state.quizzes.total()
}

#[test]
fn a_small_batch_waits_for_nobody_who_cannot_come() {
    assert_eq!(wanted(4, 4, 0), 4, "all four are answered, and there is no fifth");
    assert_eq!(wanted(8, 2, 1), 3, "fewer play than did a moment ago");
    assert_eq!(wanted(4, 4, 9), 6, "two halves that take turns become one batch, step by step");
    assert_eq!(wanted(LARGE, 2, 0), LARGE, "large batches stay as they are");
}

fn say(n: u64, payload: &str) -> Work {
    let ask = RoomAction::Say { payload: payload.to_owned(), idempotency: None };
    let command = Command::room(Caller::Backend, ask);
    let (now, (answer, _)) = (Timestamp::from_millis(1), oneshot::channel());
    let id = SessionId::generate(n, &[0; 10]);
    Work::Apply { id, command, at: Moment { now, up_since: now, wall: WallTime(0) }, reply: ReplySlot::to(answer) }
}

/// Queues `times` commands in which session `n` says `payload`.
fn push(queue: &Queue, times: usize, n: u64, payload: &str) {
    for _ in 0..times {
        queue.push(say(n, payload)).expect("room");
    }
}

/// Takes the next batch: its sessions in order, and how many commands stay queued.
fn taken(queue: &Queue) -> (Vec<SessionId>, usize) {
    let QueueTake::Batch(batch) = queue.take(Instant::now(), 1, Duration::ZERO) else { panic!("nothing waits") };
    let sessions = batch.iter().map(|work| work.session().expect("of one session").clone()).collect();
    (sessions, queue.state.lock().waiting.len())
}

#[test]
fn a_session_gets_its_share_of_a_batch_and_others_all_theirs() {
    let (queue, id) = (Queue::default(), |n| SessionId::generate(n, &[0; 10]));
    let of = |sessions: &[SessionId], n| sessions.iter().filter(|one| **one == id(n)).count();
    push(&queue, SHARE + 10, 1, "four");
    push(&queue, SHARE, 2, "7 bytes");
    push(&queue, 1, 3, "");
    let (batch, left) = taken(&queue);
    assert_eq!((of(&batch, 1), of(&batch, 2), of(&batch, 3), left), (SHARE, SHARE, 1, 10));
    assert_eq!(bytes(&queue), 10 * "four".len(), "what stays weighs what it did");
    let withdrawn = queue.state.lock().waiting[4].ticket;
    push(&queue, 1, 2, "7 bytes");
    assert!(queue.withdraw(withdrawn) && !queue.withdraw(withdrawn));
    let (batch, left) = taken(&queue);
    assert_eq!((of(&batch, 1), batch.last(), left), (9, Some(&id(2)), 0));
    assert_eq!(bytes(&queue), 0);
}

#[test]
fn what_stays_of_a_session_is_in_order() {
    let queue = Queue::default();
    let said: Vec<String> = (0..3 * SHARE).map(|n| n.to_string()).collect();
    said.iter().for_each(|text| push(&queue, 1, 1, text));
    let mut carried_out = Vec::new();
    while !queue.state.lock().waiting.is_empty() {
        push(&queue, 2, 2, "");
        let QueueTake::Batch(batch) = queue.take(Instant::now(), 1, Duration::ZERO) else { panic!("nothing waits") };
        assert!(batch.len() <= SHARE + 2);
        for work in batch {
            let Work::Apply { command: Command::Room(command), .. } = work else { panic!("only these were pushed") };
            let RoomAction::Say { payload, .. } = command.ask else { panic!("only these were pushed") };
            carried_out.extend((!payload.is_empty()).then_some(payload));
        }
    }
    assert_eq!(carried_out, said);
}

#[test]
fn a_session_that_waits_alone_and_a_store_that_closes_take_all() {
    let queue = Queue::default();
    push(&queue, 3 * SHARE, 1, "");
    assert_eq!(taken(&queue).0.len(), 3 * SHARE);
    push(&queue, 3 * SHARE, 1, "");
    push(&queue, 1, 2, "");
    queue.shut();
    assert_eq!(taken(&queue).0.len(), 3 * SHARE + 1);
}

#[test]
fn what_is_withdrawn_weighs_what_it_did_when_it_came() {
    let queue = Queue::default();
    let quiz = crate::store::format::tests::quiz();
    let bank = quiz.questions.clone();
    let ticket = queue.push(create(1, quiz)).expect("room");
    // The bank is read again, so that only the queued game holds its old questions.
    assert!(bank.iter().all(|question| Arc::strong_count(question) > 1));
    drop(bank);
    assert!(queue.withdraw(ticket));
    assert_eq!(bytes(&queue), 0);
}

#[test]
fn questions_of_a_bank_weigh_once_and_own_ones_each_whoever_else_holds_them() {
    let (queue, bank) = (Queue::default(), large_quiz());
    for n in 0..2_000 {
        queue.push(create(n, bank.clone())).expect("a bank is there once");
    }
    assert!(bytes(&queue) < 2 * 1024 * 1024);
    let mut spares = Vec::new();
    let refused = (0..2_000).find_map(|n| {
        let own = large_quiz();
        spares.push(own.clone());
        queue.push(create(2_000 + n, own)).err()
    });
    assert!(matches!(refused, Some(StoreError::Busy)), "{refused:?} after {}", spares.len());
    assert!(bytes(&queue) <= MOST_BYTES);
    assert!(matches!(queue.take(Instant::now(), 1, Duration::ZERO), QueueTake::Batch(_)));
    assert_eq!(bytes(&queue), 0);
}
