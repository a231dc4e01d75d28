//! Finds the commit that is built, and passes it to the compiler as `BUILD_COMMIT`. `REJOIN_COMMIT` can give it. The
//! names differ because `cargo run` passes what the compiler gets to the server too, which would take it for a setting.

use std::path::Path;
use std::process::Command;

/// What the program is made of. If one of these differs from the commit, the build is marked as modified.
const SOURCES: [&str; 6] = ["Cargo.lock", "Cargo.toml", "build", "data/quizzes", "src", "web"];

/// Tells the compiler the commit. It is taken from the environment, where a container's build has no repository,
/// else from git. Sources without either have the commit `unknown`.
pub(crate) fn tell() {
    println!("cargo::rerun-if-env-changed=REJOIN_COMMIT");
    let given = std::env::var("REJOIN_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(of_the_repository).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=BUILD_COMMIT={commit}");
}

/// Twelve digits of the commit that is checked out, with `-modified` if the sources differ from it.
fn of_the_repository() -> Option<String> {
    // Sources without a repository may lie in somebody else's.
    let root = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    if root != Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().ok()? {
        return None;
    }
    watch();
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&[&["status", "--porcelain", "--"], &SOURCES[..]].concat())?;
    Some(if changes.is_empty() { commit } else { format!("{commit}-modified") })
}

/// Makes cargo run this again after a commit, a checkout or a change of the sources. Both of the former append to
/// the log of HEAD. A repository that keeps no such log has the branch's own file, or all branches in one.
fn watch() {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]).unwrap_or_default();
    for name in ["HEAD", "logs/HEAD", "packed-refs", &branch] {
        // Cargo would run this each time because of a file that is missing.
        if let Some(file) = git(&["rev-parse", "--git-path", name]).filter(|file| Path::new(file).is_file()) {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
}

/// What git prints, without the end of the last line; `None` if it fails or is not there.
fn git(args: &[&str]) -> Option<String> {
    // Reading the status must not take the lock that a commit at the same moment needs.
    let output = Command::new("git").arg("--no-optional-locks").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
