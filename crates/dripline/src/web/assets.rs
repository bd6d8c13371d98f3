//! Styles, scripts and icons, compressed at build time and kept in the binary. Their names hold a digest of their content,
//! so a browser keeps them for good.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::wiring::Parts;

/// One file.
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    media: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/assets/{name}", get(show))
}

async fn show(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ALL.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes =
        |encoding: &str| accepted.split(',').any(|one| one.split(';').next().unwrap_or_default().trim() == encoding);
    let (encoding, bytes) = match () {
        () if takes("br") => (Some("br"), asset.brotli),
        () if takes("gzip") => (Some("gzip"), asset.gzip),
        () => (None, asset.plain),
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_and_script_together_stay_under_100_kb_compressed() {
        let bytes: usize = ALL.iter().map(|asset| asset.brotli.len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes");
    }
}
