//! Draws QR codes as SVG.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};
use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode, QrResult};
use serde::Deserialize;

use super::Shared;
use super::json::Json;
use super::problem::Problem;

/// Maximum bytes of the text. A longer one gives a code too fine for a camera across a hall.
const MOST_TEXT: usize = 300;

/// The text to draw. It is sent in a body, because it may contain a code that opens a seat, and URLs end up in logs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(super) struct QrRequest {
    text: String,
}

pub(super) async fn code(shared: web::Data<Shared>, request: Json<QrRequest>) -> Result<HttpResponse, Problem> {
    let text = request.value.text;
    if text.is_empty() || text.len() > MOST_TEXT {
        return Err(Problem::wrong("text", format!("1 to {MOST_TEXT} bytes")));
    }
    let draw = move || {
        let code = QrCode::with_error_correction_level(&text, EcLevel::M)?;
        Ok(code.render().dark_color(Color("#000")).light_color(Color("#fff")).build())
    };
    let drawn: QrResult<String> = shared.drawings.run(draw).await?;
    let picture = drawn.map_err(|error| Problem::wrong("text", error.to_string()))?;
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "image/svg+xml")).body(picture))
}
