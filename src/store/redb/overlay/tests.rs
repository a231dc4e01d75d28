//! Tests of the overlay: layers, views, and counting added sessions.

use proptest::prelude::*;

use super::*;
use crate::domain::{Event, Timestamp, WallTime};

fn id(n: u8) -> SessionId {
    SessionId::generate(u64::from(n), &[n; 10])
}

fn code(n: u8) -> JoinCode {
    format!("ABCD2{}", n + 2).parse().expect("a code")
}

fn event(n: u8, sequence: u64) -> Arc<EventRow> {
    let kind = format!("{n} {sequence}");
    let event = Event { sequence: Sequence(sequence), at: WallTime(1), kind, payload: String::new(), to: None };
    Arc::new(EventRow { event, record: vec![n, sequence as u8] })
}

fn op() -> impl Strategy<Value = Op> {
    (0..10_u8, 0..4_u8, 1..6_u64).prop_map(|(which, n, number)| match which {
        0 => Op::PutSession { id: id(n), row: SessionRow::Record(vec![number as u8]), is_added: false },
        1 => Op::RemoveSession(id(n)),
        2 => Op::PutQuiz(id(n), Arc::from([number as u8])),
        3 => Op::RemoveQuiz(id(n)),
        4 => Op::PutExpiry(Timestamp::from_millis(number), id(n)),
        5 => Op::RemoveExpiry(Timestamp::from_millis(number), id(n)),
        6 => Op::PutEvent(id(n), event(n, number)),
        7 => Op::Prune(id(n), number),
        8 => Op::PutJoin(code(n), id(number as u8)),
        _ => Op::RemoveJoin(code(n)),
    })
}

fn layer(ops: &[Op]) -> Layer {
    let mut layer = Layer::default();
    ops.iter().for_each(|op| layer.apply(op.clone()));
    layer
}

/// Everything that readers find in a view, as text.
fn seen(view: &OverlayView) -> String {
    let ids: Vec<_> = (0..4).map(id).collect();
    let expiry_entries = (Bound::Unbounded, Bound::Unbounded);
    let base = [(Timestamp::from_millis(3), id(0)), (Timestamp::from_millis(4), id(1))];
    let expiry_entries: StoreResult<Vec<_>> =
        view.over_expiry_index(base.into_iter().map(Ok), expiry_entries).collect();
    let stored: StoreResult<Vec<_>> = view.over_ids([id(1), id(3)].into_iter().map(Ok), None).collect();
    let sessions: Vec<_> = ids.iter().map(|id| (view.session(id), view.quiz(id))).collect();
    let events: Vec<_> = ids.iter().map(|id| view.events(id, Sequence(2))).collect();
    let joins: Vec<_> = (0..4).map(|n| view.holder(&code(n)).map(|holder| holder.cloned())).collect();
    format!("{:?} {:?} {sessions:?} {events:?} {joins:?}", expiry_entries.expect("read"), stored.expect("read"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Readers find the same rows in two layers as in one, wherever the changes are cut in two.
    #[test]
    fn two_layers_are_seen_as_one(ops in prop::collection::vec(op(), 0..40), cut in 0..40_usize) {
        let (below, above) = ops.split_at(cut.min(ops.len()));
        let one = OverlayView { upper: layer(&ops), lower: None, batch: 2 };
        let two = OverlayView { upper: layer(above), lower: Some((Arc::new(layer(below)), 1)), batch: 2 };
        prop_assert_eq!(seen(&two), seen(&one));
        let mut covered = layer(below);
        covered.cover(&layer(above));
        prop_assert_eq!(seen(&OverlayView { upper: covered, lower: None, batch: 2 }), seen(&one));
    }

    /// A layer can be made again from its parts, and from its row changes.
    #[test]
    fn a_layer_can_be_taken_apart_and_put_together(ops in prop::collection::vec(op(), 0..40), most in 1..7_usize) {
        let whole = layer(&ops);
        let parts = whole.parts(most);
        prop_assert!(parts.iter().all(|part| part.rows() <= most));
        prop_assert_eq!(parts.iter().map(Layer::rows).sum::<usize>(), whole.rows());
        let mut again = Layer::default();
        parts.iter().for_each(|part| again.cover(part));
        let view = |upper: Layer| OverlayView { upper, lower: None, batch: 1 };
        prop_assert_eq!(seen(&view(again)), seen(&view(whole.clone())));
        prop_assert_eq!(seen(&view(layer(&whole.ops()))), seen(&view(whole)));
    }
}

#[test]
fn a_view_never_changes() {
    let mut growing = layer(&[Op::PutExpiry(Timestamp::from_millis(1), id(1))]);
    let view = OverlayView { upper: growing.clone(), lower: None, batch: 1 };
    let before = seen(&view);
    growing.apply(Op::RemoveExpiry(Timestamp::from_millis(1), id(1)));
    assert_eq!(seen(&view), before);
}

#[test]
fn tables_that_hold_more_than_a_view_knows_do_not_fit_it() {
    let overlay = Overlay::default();
    let old = overlay.view();
    overlay.publish(OverlayView { batch: 5, ..OverlayView::default() });
    overlay.begin_checkpoint(5);
    assert!(!overlay.fits(&old) && overlay.fits(&overlay.view()));
}

#[test]
fn a_session_that_a_checkpoint_has_written_since_is_counted_once() {
    let added = |n| Op::PutSession { id: id(n), row: SessionRow::Record(vec![n]), is_added: true };
    let (upper, lower) = (layer(&[added(0), added(1)]), layer(&[added(2)]));
    let before = OverlayView { upper: upper.clone(), lower: None, batch: 7 };
    assert_eq!([6, 7].map(|in_tables| before.added(in_tables)), [2, 0]);
    let during = OverlayView { upper, lower: Some((Arc::new(lower), 5)), batch: 7 };
    assert_eq!([4, 5, 6, 7].map(|in_tables| during.added(in_tables)), [3, 2, 2, 0]);
}
