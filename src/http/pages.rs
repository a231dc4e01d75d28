//! The pages: the files of `web/`, embedded and compressed by `build.rs`, or read from a folder while somebody
//! works on them. Which screen a path shows is the page's own business.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};

use super::Shared;
use super::problem::Problem;

/// What every address of a screen gives.
const SHELL: &str = "index.html";
/// The page loads nothing from elsewhere but pictures, and no text becomes a program.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
    connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// A file of the pages, plain and compressed. Modules have no comments any more.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    /// Of what it holds.
    hash: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Where the pages come from.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// A folder that is read at each request, in place of what is embedded.
    pub folder: Option<PathBuf>,
}

/// A file as it is sent.
struct Found {
    content_type: Cow<'static, str>,
    encoding: Option<&'static str>,
    tag: String,
    body: web::Bytes,
}

impl Pages {
    fn find(&self, path: &str, accepted: &str) -> Option<Found> {
        match &self.folder {
            Some(folder) => from_folder(folder, path),
            None => embedded(path, accepted),
        }
    }
}

fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &ASSETS[at])
}

fn embedded(path: &str, accepted: &str) -> Option<Found> {
    let asset = asset(path)?;
    let encodings = [("br", asset.brotli), ("gzip", asset.gzip)];
    let compressed =
        encodings.into_iter().find(|(name, bytes)| takes(accepted, name) && bytes.len() < asset.plain.len());
    let (encoding, body) = compressed.map_or((None, asset.plain), |(name, bytes)| (Some(name), bytes));
    // Another encoding is another sequence of bytes, and has a tag of its own.
    let tag = format!("\"{}{}\"", asset.hash, encoding.map(|name| format!("-{name}")).unwrap_or_default());
    Some(Found { content_type: asset.content_type.into(), encoding, tag, body: web::Bytes::from_static(body) })
}

/// Whether an encoding stands in `Accept-Encoding`, and is not turned down there by `q=0`.
fn takes(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.split(';').map(str::trim).find_map(|it| it.strip_prefix(['q', 'Q'])?.strip_prefix('='));
        let weight = weight.map_or(Ok(1.0), str::parse::<f32>);
        name.trim().eq_ignore_ascii_case(encoding) && weight.is_ok_and(|weight| weight > 0.0)
    })
}

fn from_folder(folder: &Path, path: &str) -> Option<Found> {
    // Only names that are served otherwise: no way leads out of the folder, and none to what is hidden.
    let content_type = CONTENT_TYPES.iter().find(|(ending, _)| path.ends_with(ending)).map(|(_, kind)| *kind)?;
    let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    if !path.split('/').all(is_plain) {
        return None;
    }
    let path = folder.join(path);
    // Reading a pipe would wait for whoever writes.
    let body = std::fs::metadata(&path).is_ok_and(|found| found.is_file()).then(|| std::fs::read(&path).ok())??;
    let tag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..16]);
    Some(Found { content_type: content_type.into(), encoding: None, tag, body: body.into() })
}

/// What is read from a folder, by the name's ending; `build.rs` embeds the same.
const CONTENT_TYPES: [(&str, &str); 5] = [
    (".html", "text/html; charset=utf-8"),
    (".js", "text/javascript; charset=utf-8"),
    (".css", "text/css; charset=utf-8"),
    (".json", "application/json"),
    (".svg", "image/svg+xml"),
];

/// A screen: the page finds out which from its address.
pub(super) async fn screen(http: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    send(&http, &shared, SHELL, true)
}

/// An address where there is nothing: a page for whoever looks for one, which says so.
pub(super) async fn nothing(http: HttpRequest, shared: web::Data<Shared>) -> Result<HttpResponse, Problem> {
    let wants_page = http.method().is_safe() && text_of(http.headers(), ACCEPT.as_str()).contains("text/html");
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
    send(&http, &shared, &path, true)
}

/// A file, or that it is the one that is known, where it may be.
fn send(http: &HttpRequest, shared: &Shared, path: &str, may_be_known: bool) -> Result<HttpResponse, Problem> {
    let accepted = text_of(http.headers(), ACCEPT_ENCODING.as_str());
    let found = shared.pages.find(path, &accepted).ok_or_else(|| Problem::no_such_url(http.path()))?;
    let is_known = may_be_known
        && text_of(http.headers(), IF_NONE_MATCH.as_str())
            .split(',')
            .any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == found.tag);
    let mut reply = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    reply
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((ETAG, found.tag))
        .insert_header((VARY, "Accept-Encoding"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    // What a document may do; a file that is loaded into one has no say in it.
    if path.ends_with(".html") || path.ends_with(".svg") {
        reply.insert_header((CONTENT_SECURITY_POLICY, POLICY)).insert_header((REFERRER_POLICY, "no-referrer"));
    }
    if is_known {
        return Ok(reply.finish());
    }
    if let Some(encoding) = found.encoding {
        reply.insert_header((CONTENT_ENCODING, encoding));
    }
    Ok(reply.insert_header((CONTENT_TYPE, found.content_type.as_ref())).body(found.body))
}

/// All values of a header, as one list.
fn text_of(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_and_smaller_when_it_is_compressed() {
        for asset in ASSETS {
            let found = |accepted| embedded(asset.path, accepted).expect("it is embedded");
            assert_eq!(found("").body, asset.plain);
            assert!(found("gzip, br").body.len() <= found("gzip").body.len(), "{}", asset.path);
        }
        assert!(asset(SHELL).is_some() && asset("vendor/build/package.json").is_none());
    }

    #[test]
    fn an_encoding_is_taken_only_where_it_is_welcome() {
        for (accepted, encoding, is_taken) in [
            ("gzip, br;q=0.9", "br", true),
            ("br;q=0, gzip", "br", false),
            ("GZIP", "gzip", true),
            ("brx", "br", false),
            ("", "br", false),
            ("br;q=high", "br", false),
            ("br;Q=0", "br", false),
            ("br;level=1;q=0", "br", false),
        ] {
            assert_eq!(takes(accepted, encoding), is_taken, "{accepted}");
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
