//! Pages that were loaded before an upgrade go on with the new server.

use std::os::unix::fs::symlink;

use crate::browser::{folder, run_in};
use crate::support::fetched;

/// Runs a file of the previous commit's tests of the pages' client, with that client, on this server.
#[track_caller]
fn previous_client(test: &str) {
    let previous = fetched("target/previous/src/tests/web");
    // The packages that the tests need. Another test may have made the link.
    let _ = symlink(folder().join("node_modules"), previous.join("node_modules"));
    run_in(&previous, "node", &["--test", test]);
}

#[test]
fn a_page_of_the_previous_release_plays_rooms_on_this_server() {
    previous_client("client/room.test.mjs");
}

#[test]
fn a_page_of_the_previous_release_plays_alone_on_this_server() {
    previous_client("client/solo.test.mjs");
}
