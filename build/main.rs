//! What is done before the crate is compiled: the pages are prepared for embedding, and the commit is found out.

mod assets;
mod commit;

fn main() -> std::io::Result<()> {
    commit::tell();
    assets::embed()
}
