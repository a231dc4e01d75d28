//! Reloads question banks, API keys and admin tokens at SIGHUP.
//!
//! Invariant: a reload that hangs, on a disk that does not answer, stops no server. So it has a thread of its own: the
//! end of a runtime waits for its blocking tasks, but for no thread.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::Outside;
use crate::config::Settings;
use crate::http::{ApiKey, ApiKeys};

/// Reloads banks, API keys and admin tokens at every SIGHUP. Whatever can't be read keeps its old version.
///
/// # Errors
/// The signal can't be handled.
pub fn reload_on_hangup(settings: Settings, outside: &Outside) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (settings, catalogue) = (Arc::new(settings), outside.catalogue.clone());
    let (keys, tokens) = (outside.keys.clone(), outside.admin_tokens.clone());
    actix_web::rt::spawn(async move {
        while hangup.recv().await.is_some() {
            let (settings, catalogue) = (settings.clone(), catalogue.clone());
            let (keys, tokens) = (keys.clone(), tokens.clone());
            let reload = move || {
                if settings.quiz_dir.is_some() {
                    catalogue.reload().tell();
                }
                if settings.api_keys_file.is_some() {
                    reload_keys("API keys", settings.keys(), &keys);
                }
                if settings.admin.admin_token_file.is_some() {
                    reload_keys("admin tokens", settings.admin.tokens(), &tokens);
                }
            };
            on_own_thread(reload).await;
        }
    });
    Ok(())
}

/// Runs this on a thread of its own, and waits for its end. A panic is in the log then, and goes no further.
async fn on_own_thread(work: impl FnOnce() + Send + 'static) {
    let (done, ended) = oneshot::channel::<()>();
    let work = move || {
        work();
        drop(done);
    };
    match std::thread::Builder::new().name("rejoin-reload".to_owned()).spawn(work) {
        Ok(_) => drop(ended.await),
        Err(error) => tracing::error!(%error, "nothing was reloaded: there is no thread for it"),
    }
}

/// Accepts the keys that were read. `which` is their name in the log.
fn reload_keys(which: &str, read: anyhow::Result<Vec<ApiKey>>, keys: &ApiKeys) {
    match read {
        Ok(read) => {
            let count = read.len();
            keys.replace(read);
            // Whoever sees this line may rely on the new keys.
            tracing::info!(keys = count, "the {which} were reloaded");
        }
        Err(error) => {
            let reason = format!("{error:#}");
            tracing::error!(reason, "the {which} could not be reloaded; the previous ones stay valid");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{channel, sync_channel};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_runtime_ends_while_a_reload_hangs() {
        let (go_on, hang) = channel::<()>();
        let (begun, has_begun) = sync_channel(1);
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let system = actix_web::rt::System::new();
            system.block_on(async move {
                actix_web::rt::spawn(on_own_thread(move || {
                    begun.send(()).expect("it is waited for");
                    let _ = hang.recv();
                }));
                while has_begun.try_recv().is_err() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
            drop(system);
            tell.send(())
        });
        told.recv_timeout(Duration::from_secs(20)).expect("the runtime has ended");
        drop(go_on);
    }

    #[tokio::test]
    async fn a_reload_that_panics_is_over() {
        on_own_thread(|| panic!("a bank that no reader expects")).await;
    }
}
