//! The store contract: every sentence of it is one test, on every engine.
//!
//! A new case is a function in one of the modules and a line in `cases!`. A new engine is a fixture in
//! [`engines`] and a line at the end of this file.

mod codes;
pub(crate) mod engines;
mod lives;
mod logs;
mod moves;
mod moving;
mod owners;
mod steps;

use engines::{Cluster, Memory, Redb, RedbAtOnce, RedbAtRandom, RedbNeverCheckpointed, RedbWithoutLog, Valkey};

/// The list of cases, written once for all engines.
macro_rules! cases {
    ($name:ident: $engine:ty) => {
        suite! { $name: $engine:
            steps::what_was_created_is_there,
            steps::the_same_uuid_at_another_home_is_another_session,
            steps::creating_twice_is_refused,
            steps::a_new_session_replaces_a_dead_one_whole,
            steps::a_missing_or_dead_session_knows_no_command,
            steps::a_refused_command_changes_nothing,
            steps::what_was_due_is_committed_though_the_command_is_refused,
            steps::deleting_forgets_a_session_and_may_be_repeated,
            steps::a_deleted_session_leaves_nothing_to_the_next_of_its_id,
            steps::a_game_of_every_kind_is_kept_as_the_rules_have_it,
            steps::commits_are_counted,
            steps::a_rule_that_panics_harms_its_own_command_only,
            steps::after_closing_everything_is_unavailable,
            steps::what_was_acknowledged_is_there_after_reopening,
            moves::of_64_racing_answers_one_is_evaluated,
            moves::of_64_racing_repeats_all_get_the_one_verdict,
            moves::games_played_at_once_do_not_mix,
            moves::a_repeat_gets_its_first_reply_late_and_after_the_end,
            moves::a_key_used_for_something_else_is_refused,
            moves::the_last_answer_leaves_results,
            moves::of_racing_claims_one_is_awarded,
            lives::a_touch_slides_the_deadline_within_its_bounds,
            lives::absolute_age_caps_every_touch,
            lives::results_live_their_fixed_time,
            lives::the_dead_are_neither_returned_nor_counted_before_any_reaping,
            lives::a_session_touched_in_time_is_never_reaped,
            lives::a_session_that_ended_sooner_is_reaped_sooner,
            lives::a_sweep_counts_the_rooms_that_died_before_their_end,
            lives::a_sweep_keeps_to_its_limit,
            lives::a_sweep_keeps_to_its_limit_where_nobody_is_dead,
            lives::the_dead_are_counted_whatever_becomes_of_them,
            lives::ten_thousand_dead_are_reaped,
            logs::racing_authors_number_their_events_without_gaps,
            logs::a_sequence_goes_on_after_everything_was_forgotten,
            logs::events_come_in_pages,
            logs::a_page_ends_by_its_bytes_and_has_one_event_at_least,
            logs::whom_an_event_is_for_is_kept,
            logs::who_was_sent_away_has_no_name_in_a_page,
            logs::payloads_of_any_size_come_back_exactly,
            logs::who_watches_hears_of_commits,
            logs::an_acknowledgement_above_the_head_is_refused,
            logs::what_every_seat_has_is_forgotten,
            logs::a_session_without_a_log_has_an_empty_page,
            codes::a_code_names_its_session_until_that_is_deleted,
            codes::a_code_in_use_is_refused_and_nothing_is_stored,
            codes::of_racing_claims_of_a_code_one_gets_it,
            codes::the_code_of_a_dead_session_is_free_and_stays_with_its_next_holder,
            codes::a_code_is_not_freed_by_its_old_holder_in_the_same_breath,
            codes::a_changed_code_is_found_and_the_one_before_is_free,
            codes::a_code_that_is_taken_changes_nothing,
            codes::codes_that_change_in_the_same_breath_each_have_one_holder,
            codes::a_session_that_comes_again_with_another_code_gives_up_the_first,
            owners::an_owners_sessions_come_in_order_and_in_pages,
            owners::what_is_dead_or_deleted_is_nobodys,
            owners::sessions_that_begin_and_end_at_once_are_listed_if_they_live,
            owners::a_session_that_moves_keeps_its_owner,
            moving::a_session_imported_is_whole,
            moving::a_second_import_is_the_same_or_a_conflict,
            moving::the_life_that_was_left_is_kept_on_another_clock,
            moving::a_dead_session_is_not_exported_and_one_is_imported_over,
            moving::a_scan_names_every_session_once,
        }
    };
}

macro_rules! suite {
    ($name:ident: $engine:ty: $($module:ident::$case:ident,)*) => {
        mod $name {
            use super::*;

            $(
                #[tokio::test]
                async fn $case() {
                    $module::$case::<$engine>().await;
                }
            )*
        }
    };
}

cases!(memory: Memory);
cases!(redb: Redb);
cases!(redb_checkpointed_at_once: RedbAtOnce);
cases!(redb_never_checkpointed: RedbNeverCheckpointed);
cases!(redb_checkpointed_at_random: RedbAtRandom);
cases!(redb_without_log: RedbWithoutLog);
cases!(valkey: Valkey);
cases!(valkey_cluster: Cluster);
