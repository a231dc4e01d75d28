//! The operators' page. It needs some of the files that the players' pages have too, and no others are served here.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::super::Shared;
use super::super::pages::{is_for_operators, send};
use super::super::problem::Problem;

/// The files of the players' pages that the operators' page loads.
const BORROWED: [&str; 9] = [
    "mark.svg",
    "style/base.css",
    "ui/live.js",
    "ui/markup.js",
    "ui/pieces.js",
    "ui/prefs.js",
    "ui/shapes.js",
    "ui/text.js",
    "vendor/preact.js",
];

pub(super) async fn page(http: HttpRequest, shared: Data<Shared>) -> Result<HttpResponse, Problem> {
    send(&http, &shared, "admin/index.html", true)
}

pub(super) async fn file(http: HttpRequest, shared: Data<Shared>, path: Path<String>) -> Result<HttpResponse, Problem> {
    let is_needed = is_for_operators(&path) || BORROWED.contains(&path.as_str());
    if !is_needed {
        return Err(Problem::no_such_url(http.path()));
    }
    send(&http, &shared, &path, true)
}
