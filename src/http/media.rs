//! Serves the pictures of banks. A picture's name is derived from a hash of its content, so the content under
//! a name never changes.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, web};

use super::Shared;
use super::problem::Problem;
use crate::quizzes::media;

/// Cache header of pictures: browsers and proxies may keep them for a year and never ask again.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

pub(super) async fn picture(shared: web::Data<Shared>, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let picture = shared.solo.catalogue.picture(&name);
    let picture = picture.ok_or_else(|| Problem::no_such_url(&format!("{}{name}", media::URL)))?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, picture.content_type))
        .insert_header((CACHE_CONTROL, FOR_GOOD))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(picture.bytes.clone()))
}
