//! Serves the pages: the files of `web/`, embedded and compressed by `build/assets.rs`, or read from a folder during
//! development. All screens are the same HTML file; its script chooses the screen by the path.

use std::path::{Path, PathBuf};

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETag, Encoding,
    EntityTag, Header, IfNoneMatch, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};

use super::Shared;
use super::problem::Problem;

/// The file that every screen's URL returns.
const SHELL: &str = "index.html";
/// The Content-Security-Policy: only pictures may come from other sites, and no string may become script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// An embedded file, plain and compressed.
struct Asset {
    /// Path below `web/`.
    path: &'static str,
    content_type: &'static str,
    /// The first 16 hex digits of the content's BLAKE3 hash.
    hash: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

// Defines CONTENT_TYPES (file extension and type) and ASSETS (sorted by path).
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The source of the pages.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// A folder that is read at each request. `None` serves the embedded files.
    pub folder: Option<PathBuf>,
}

/// A file as it is sent to this client.
struct PageFile {
    content_type: &'static str,
    encoding: Option<Encoding>,
    tag: EntityTag,
    body: web::Bytes,
}

impl Pages {
    fn find(&self, path: &str, accepted: &AcceptEncoding) -> Option<PageFile> {
        match &self.folder {
            Some(folder) => from_folder(folder, path),
            None => embedded(path, accepted),
        }
    }
}

fn asset(path: &str) -> Option<&'static Asset> {
    // Needs the order in which `build/assets.rs` writes the table.
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &ASSETS[at])
}

fn embedded(path: &str, accepted: &AcceptEncoding) -> Option<PageFile> {
    let asset = asset(path)?;
    // The smallest encoding that the client accepts: Brotli is tried first.
    let encodings = [(Encoding::brotli(), asset.brotli), (Encoding::gzip(), asset.gzip)];
    let is_welcome = |encoding: &Encoding| accepted.negotiate([encoding].into_iter()).as_ref() == Some(encoding);
    let compressed =
        encodings.into_iter().find(|(encoding, bytes)| bytes.len() < asset.plain.len() && is_welcome(encoding));
    let (encoding, body) = compressed.map_or((None, asset.plain), |(encoding, bytes)| (Some(encoding), bytes));
    // A strong ETag stands for exact bytes, so each encoding needs its own.
    let tag = encoding.as_ref().map_or_else(|| asset.hash.to_owned(), |encoding| format!("{}-{encoding}", asset.hash));
    let (tag, body) = (EntityTag::new_strong(tag), web::Bytes::from_static(body));
    Some(PageFile { content_type: asset.content_type, encoding, tag, body })
}

fn from_folder(folder: &Path, path: &str) -> Option<PageFile> {
    // Only file types that are also embedded, no hidden files, and no path that leads out of the folder.
    let (_, ending) = path.rsplit_once('.')?;
    let content_type = CONTENT_TYPES.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind)?;
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    if !path.split('/').all(is_plain) {
        return None;
    }
    let path = folder.join(path);
    // Only regular files: reading a named pipe would block until somebody writes to it.
    let body = std::fs::metadata(&path).is_ok_and(|found| found.is_file()).then(|| std::fs::read(&path).ok())??;
    let tag = EntityTag::new_strong(blake3::hash(&body).to_hex()[..16].to_owned());
    Some(PageFile { content_type, encoding: None, tag, body: body.into() })
}

/// Any screen. The page's script finds out from the URL which one.
pub(super) async fn screen(http: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    send(&http, &shared, SHELL, true)
}

/// The reply for unknown URLs: a page that says so for browsers, a problem document for other clients. Both are 404.
pub(super) async fn nothing(http: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let asked = http.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let wants_page = http.method().is_safe() && asked.is_some_and(|accepted| accepted.contains("text/html"));
    if !wants_page {
        return Err(Problem::no_such_url(http.path()));
    }
    let mut reply = send(&http, &shared, SHELL, false)?;
    *reply.status_mut() = StatusCode::NOT_FOUND;
    Ok(reply)
}

pub(super) async fn file(
    http: HttpRequest,
    shared: web::Data<Shared>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    if is_for_operators(&path) {
        return Err(Problem::no_such_url(http.path()));
    }
    send(&http, &shared, &path, true)
}

/// True for the files of the operators' page, which the public listener doesn't serve.
pub(super) fn is_for_operators(path: &str) -> bool {
    path.starts_with("admin/") || path.starts_with("vendor/uplot")
}

/// Sends a file of the pages. If `may_be_known` and the client already has this version, sends 304 instead.
pub(super) fn send(
    http: &HttpRequest,
    shared: &Shared,
    path: &str,
    may_be_known: bool,
) -> Result<HttpResponse, Problem> {
    let accepted = AcceptEncoding::parse(http).unwrap_or_else(|_| AcceptEncoding(Vec::new()));
    let found = shared.pages.find(path, &accepted).ok_or_else(|| Problem::no_such_url(http.path()))?;
    let is_known = may_be_known
        && match IfNoneMatch::parse(http) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(known)) => known.iter().any(|tag| tag.weak_eq(&found.tag)),
            Err(_) => false,
        };
    let mut reply = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    reply
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(ETag(found.tag))
        .insert_header((VARY, "Accept-Encoding"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    // The policy matters for documents only: browsers ignore it on files that are loaded into one.
    if path.ends_with(".html") || path.ends_with(".svg") {
        reply.insert_header((CONTENT_SECURITY_POLICY, POLICY)).insert_header((REFERRER_POLICY, "no-referrer"));
    }
    if is_known {
        return Ok(reply.finish());
    }
    if let Some(encoding) = found.encoding {
        reply.insert_header((CONTENT_ENCODING, encoding.to_string()));
    }
    Ok(reply.insert_header((CONTENT_TYPE, found.content_type)).body(found.body))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT_ENCODING;
    use actix_web::test::TestRequest;

    use super::*;

    fn accepting(header: &str) -> AcceptEncoding {
        let request = TestRequest::default().insert_header((ACCEPT_ENCODING, header)).to_http_request();
        AcceptEncoding::parse(&request).unwrap_or_else(|_| AcceptEncoding(Vec::new()))
    }

    #[test]
    fn every_file_is_found_and_smaller_when_it_is_compressed() {
        for asset in ASSETS {
            let found = |accepted| embedded(asset.path, &accepting(accepted)).expect("it is embedded");
            assert_eq!(found("").body, asset.plain);
            assert!(found("gzip, br").body.len() <= found("gzip").body.len(), "{}", asset.path);
        }
        assert!(asset(SHELL).is_some() && asset("vendor/build/package.json").is_none());
    }

    #[test]
    fn an_encoding_is_taken_only_where_it_is_welcome() {
        for (accepted, encoding) in [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, br;q=0.9", Some("br")),
            ("br;q=0, gzip", Some("gzip")),
            ("gzip", Some("gzip")),
            ("brx", None),
            ("", None),
            ("br;q=high", None),
            ("br;q=0", None),
            ("GZIP", Some("gzip")),
            ("br;Q=0", None),
            ("br;level=1;q=0", None),
        ] {
            let found = embedded("app.js", &accepting(accepted)).expect("it is embedded");
            assert_eq!(found.encoding.map(|encoding| encoding.to_string()).as_deref(), encoding, "{accepted}");
        }
    }

    #[test]
    fn no_way_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let inner = folder.path().join("web");
        std::fs::create_dir_all(&inner).expect("made");
        std::fs::write(folder.path().join("secret.js"), "x").expect("written");
        std::fs::write(inner.join("a.js"), "x").expect("written");
        std::fs::write(inner.join("a.txt"), "x").expect("written");
        assert!(from_folder(&inner, "a.js").is_some());
        for path in ["../secret.js", "..\\secret.js", "/a.js", "a.txt", "", "b.js", "./a.js"] {
            assert!(from_folder(&inner, path).is_none(), "{path}");
        }
    }
}
