//! Requests that a page of another site makes in the name of whoever is signed in here are refused, for every address at
//! once: no form can forget it. The browser itself says where a request comes from (`Sec-Fetch-Site`, in all browsers since
//! 2023; before that `Origin`), and a page cannot change either. Beside it the session's cookie is `SameSite=Lax`.
//! Why this and no token in each form: docs/decisions/0009.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::wrong::Wrong;

pub(super) async fn same_site(request: Request, next: Next) -> Response {
    if changes_nothing(request.method()) || from_here(request.headers()) {
        return next.run(request).await;
    }
    Wrong::OtherSite.into_response()
}

fn changes_nothing(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin" || site == "none";
    }
    // No browser leaves both out of a request that changes something: what has neither is a program, which has no cookie by accident.
    let Some(origin) = text(header::ORIGIN) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn only_what_comes_from_here_or_from_no_page_passes() {
        for (passes, pairs) in [
            (true, &[("sec-fetch-site", "same-origin")][..]),
            (true, &[("sec-fetch-site", "none")]),
            (false, &[("sec-fetch-site", "cross-site")]),
            (false, &[("sec-fetch-site", "same-site"), ("origin", "http://here"), ("host", "here")]),
            (true, &[("origin", "http://here:8080"), ("host", "here:8080")]),
            (false, &[("origin", "http://there"), ("host", "here")]),
            (false, &[("origin", "null"), ("host", "here")]),
            (true, &[("host", "here")]),
        ] {
            assert_eq!(from_here(&headers(pairs)), passes, "{pairs:?}");
        }
    }
}
