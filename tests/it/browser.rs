//! Tests of the pages and their client, in Node and in a real browser, against the real binary. The tests
//! themselves are in `tests/web/`; `tests/browser.sh` downloads what they need.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::fetched;

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/web")
}

/// Runs a program in `tests/web`, and shows its output if it fails.
#[track_caller]
fn run(program: &str, args: &[&str]) {
    run_in(&folder(), program, args);
}

/// Runs a program in this folder, and shows its output if it fails.
#[track_caller]
pub(crate) fn run_in(folder: &Path, program: &str, args: &[&str]) {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command
        .env("REJOIN_BIN", env!("CARGO_BIN_EXE_rejoin"))
        .env("VALKEY_SERVER", fetched("target/valkey/valkey-server"));
    let ran = command.output().unwrap_or_else(|error| panic!("{program}: {error}: run tests/browser.sh"));
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{program} {args:?}: {}\n{said}\n{complained}", ran.status);
}

/// Makes one test here of each test file, so that the files run in parallel.
macro_rules! files {
    ($($name:ident: $file:literal;)+) => {
        $(#[test]
        fn $name() {
            run("node", &["--test", $file]);
        })+

        #[test]
        fn every_file_of_tests_is_run() {
            let mut named = vec![$($file.to_owned()),+];
            named.sort();
            let mut found = Vec::new();
            for part in ["client", "pages"] {
                for entry in std::fs::read_dir(folder().join(part)).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    if name.ends_with(".test.mjs") {
                        found.push(format!("{part}/{name}"));
                    }
                }
            }
            found.sort();
            assert_eq!(named, found);
        }
    };
}

files! {
    the_clients_state_is_folded_from_what_it_is_told: "client/fold.test.mjs";
    the_clients_parts_keep_their_promises: "client/parts.test.mjs";
    a_client_plays_rooms: "client/room.test.mjs";
    a_client_plays_alone: "client/solo.test.mjs";
    a_client_plays_through_chaos: "client/chaos.test.mjs";
    a_client_wakes_up: "client/wake.test.mjs";
    the_vendored_module_is_the_one_that_was_made: "client/vendor.test.mjs";
    the_words_of_both_languages_are_there_and_used: "client/words.test.mjs";
    operators_see_and_end_what_there_is: "pages/admin.test.mjs";
    the_charts_draw_what_was_counted: "client/history.test.mjs";
    every_screen_is_accessible_in_light_and_dark: "pages/axe.test.mjs";
    modules_are_served_without_comments_alone: "client/served.test.mjs";
    a_browser_plays_alone: "pages/solo.test.mjs";
    browsers_play_a_room: "pages/room.test.mjs";
    a_host_brings_a_quiz: "pages/quiz.test.mjs";
    a_game_is_played_without_a_mouse: "pages/keys.test.mjs";
    a_host_shows_an_api_key: "pages/access.test.mjs";
    a_game_is_played_again: "pages/again.test.mjs";
    browsers_change_networks_tabs_and_devices: "pages/devices.test.mjs";
    browsers_outlive_an_instance: "pages/valkey.test.mjs";
    a_page_that_fails_to_load_comes_back: "pages/loading.test.mjs";
    pages_are_light: "pages/weight.test.mjs";
}

#[test]
fn the_types_of_the_pages_are_right() {
    run("node", &["node_modules/typescript/bin/tsc", "-p", "."]);
}
