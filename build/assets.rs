//! Embeds the pages: prepares each file of `web/` that a browser can request, plain and compressed, and
//! writes the table of them to `assets.rs` in the build's output folder.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The file types that are served: extension and Content-Type.
const TYPES: [(&str, &str); 5] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("json", "application/json"),
    ("svg", "image/svg+xml"),
];
/// Folder with the sources of the vendored module, which browsers never request.
const NOT_SERVED: &str = "vendor/build";

/// Prepares the files and writes the table.
pub(crate) fn embed() -> io::Result<()> {
    println!("cargo::rerun-if-changed=web");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("web");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    // The server finds files by a binary search on the path as text. Path's own order would sort by component.
    files.sort_by_key(|file| file.display().to_string());
    let mut table =
        format!("static CONTENT_TYPES: [(&str, &str); {}] = {TYPES:?};\nstatic ASSETS: &[Asset] = &[\n", TYPES.len());
    for (number, file) in files.iter().enumerate() {
        let path = file.strip_prefix(&root).expect("it lies there").to_str().expect("names are ASCII");
        let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let known = TYPES.iter().find(|(ending, _)| *ending == extension);
        let Some((_, content_type)) = known.filter(|_| !path.starts_with(NOT_SERVED)) else { continue };
        let mut bytes = fs::read(file)?;
        if !path.starts_with("vendor") {
            let source = String::from_utf8(bytes).expect("sources are UTF-8");
            let shorter = match extension {
                "js" | "css" => shortened(&source),
                // Safe to join the lines: a JSON string can't contain a line break.
                "json" => source.lines().map(str::trim).collect(),
                _ => source,
            };
            bytes = shorter.into_bytes();
        }
        fs::write(out.join(format!("{number}.plain")), &bytes)?;
        let hash = &blake3::hash(&bytes).to_hex()[..16];
        for (encoding, compressed) in [("br", brotli(&bytes)?), ("gz", gzip(&bytes)?)] {
            fs::write(out.join(format!("{number}.{encoding}")), compressed)?;
        }
        let included = |name: String| format!("include_bytes!({:?})", out.join(name).display().to_string());
        writeln!(
            table,
            "    Asset {{ path: {path:?}, content_type: {content_type:?}, hash: {hash:?}, \
             plain: {}, brotli: {}, gzip: {} }},",
            included(format!("{number}.plain")),
            included(format!("{number}.br")),
            included(format!("{number}.gz")),
        )
        .expect("a text can be written to");
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() {
            if !path.ends_with("node_modules") && !is_hidden {
                walk(&path, files)?;
            }
        } else if !is_hidden {
            files.push(path);
        }
    }
    Ok(())
}

/// Removes comments and indentation from a module or a style sheet. They are about a third of its size. Line
/// numbers stay the same. This relies on how the sources are written: a comment begins its line or is a type
/// (`/** @… */`), and only `html` templates have strings over several lines.
fn shortened(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("/*") {
        let begins_line = rest[..at].rsplit('\n').next().is_some_and(|before| before.trim().is_empty());
        let end = rest[at..].find("*/").map_or(rest.len(), |end| at + end + 2);
        let is_comment = begins_line || rest[at..].starts_with("/** @");
        kept.push_str(&rest[..at]);
        if is_comment {
            kept.extend(rest[at..end].chars().filter(|sign| *sign == '\n'));
            rest = rest[end..].trim_start_matches(' ');
        } else {
            kept.push_str("/*");
            rest = &rest[at + 2..];
        }
    }
    kept.push_str(rest);
    let line = |line: &str| if line.trim_start().starts_with("//") { String::new() } else { line.trim().to_owned() };
    kept.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let (mut out, most) = (Vec::new(), brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() });
    brotli::BrotliCompress(&mut &bytes[..], &mut out, &most)?;
    Ok(out)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}
