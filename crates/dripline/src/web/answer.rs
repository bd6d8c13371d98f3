//! What a handler answers: HTML, or that something is done. What was wrong: [`super::wrong`].
//!
//! | a handler gives | a browser that loads pages gets | a page's script (htmx) gets |
//! |---|---|---|
//! | [`html`] | the page | the fragment |
//! | [`Done::to`] | 303 to the next page, which says it | the same, by `HX-Redirect` |
//! | [`Done::here`] | 303 back to where it came from | the fragment if there is one, and a toast |
//! | a [`super::wrong::Wrong`] | a page that says what is wrong | a toast; nothing is swapped |

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::look::{Look, Said};
use super::viewer::Seen;
use super::wrong::{self, Told};
use axum_extra::extract::CookieJar;

/// Nothing from elsewhere is loaded, framed or sent to; no script or style stands in a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page or a fragment of one.
pub(crate) fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page was not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A form with what is wrong with it, to be shown in its place.
pub(crate) fn refused(template: &impl Template) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, html(template)).into_response()
}

/// Something was done.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    to: Option<String>,
    said: Option<Said>,
    events: Vec<String>,
}

impl Done {
    /// Goes on at this address of ours.
    pub(crate) fn to(address: impl Into<String>) -> Self {
        Self { to: Some(address.into()), said: None, events: Vec::new() }
    }

    /// Stays on the page.
    pub(crate) fn here() -> Self {
        Self { to: None, said: None, events: Vec::new() }
    }

    /// Says what was done.
    pub(crate) fn saying(self, text: impl Into<String>) -> Self {
        Self { said: Some(Said::done(text)), ..self }
    }

    /// Says what was not done.
    pub(crate) fn failing(self, text: impl Into<String>) -> Self {
        Self { said: Some(Said::failed(text)), ..self }
    }

    /// With the address to post to, to undo it.
    pub(crate) fn undo(self, address: impl Into<String>) -> Self {
        let said = self.said.map(|said| Said { undo: Some(address.into()), ..said });
        Self { said, ..self }
    }

    /// Lets the page's script know: parts of it wait for events by `hx-trigger="NAME from:body"`.
    pub(crate) fn event(mut self, name: impl Into<String>) -> Self {
        self.events.push(name.into());
        self
    }

    /// Stays on the page, which gets this fragment. A browser without script goes back to where it came from.
    pub(crate) fn with(self, fragment: &impl Template) -> Response {
        let mut response = html(fragment);
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The last hand on every answer: headers, what was done or wrong as the browser understands it.
pub(super) async fn finish(mut request: Request, next: Next) -> Response {
    let script = request.headers().contains_key("hx-request");
    let back = back(request.headers());
    let look = Look::of(&CookieJar::from_headers(request.headers()));
    let (seen, path) = (Seen::default(), request.uri().path().to_owned());
    request.extensions_mut().insert(seen.clone());
    let mut response = next.run(request).await;
    if let Some(done) = response.extensions_mut().remove::<Done>() {
        response = if script { for_script(done, response) } else { for_browser(done, response, &back) };
    } else if let Some(told) = response.extensions_mut().remove::<Told>() {
        response =
            if script { toast(&told) } else { wrong::page(&told, seen.viewer().ok_or_else(|| look.clone()), &path) };
    }
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page && !script && look.said.is_some() && !response.headers().contains_key(header::SET_COOKIE) {
        set_cookie(&mut response, &Said::shown().to_string());
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.append(header::VARY, HeaderValue::from_static("hx-request"));
    response
}

/// Where the browser came from, if that is one of our pages; else the start.
fn back(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let path = text(header::REFERER).and_then(|from| {
        let (_, rest) = from.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        (Some(host) == text(header::HOST)).then(|| format!("/{path}"))
    });
    path.unwrap_or_else(|| "/".to_owned())
}

/// Goes on with an answer that may have set cookies already.
fn for_browser(done: Done, answered: Response, back: &str) -> Response {
    let to = done.to.as_deref().unwrap_or(back);
    let mut response = StatusCode::SEE_OTHER.into_response();
    for cookie in answered.headers().get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    response.headers_mut().insert(header::LOCATION, location(to));
    if let Some(said) = done.said {
        set_cookie(&mut response, &said.cookie().to_string());
    }
    response
}

fn for_script(done: Done, mut response: Response) -> Response {
    if let Some(to) = done.to {
        response.headers_mut().insert("hx-redirect", location(&to));
        if let Some(said) = done.said {
            set_cookie(&mut response, &said.cookie().to_string());
        }
        return response;
    }
    let mut events = serde_json::Map::new();
    for name in done.events {
        events.insert(name, Value::Null);
    }
    if let Some(said) = done.said {
        events.insert("toast".to_owned(), json!(said));
    }
    if !events.is_empty() {
        response.headers_mut().insert("hx-trigger", trigger(&Value::Object(events)));
    }
    response
}

fn toast(told: &Told) -> Response {
    let mut response = told.status.into_response();
    let headers = response.headers_mut();
    headers.insert("hx-reswap", HeaderValue::from_static("none"));
    if let Some(to) = &told.sign_in {
        headers.insert("hx-redirect", location(to));
    } else {
        headers.insert("hx-trigger", trigger(&json!({ "toast": Said::failed(told.sentence()) })));
    }
    response
}

/// An address as a header: an address of ours is plain ASCII.
fn location(to: &str) -> HeaderValue {
    HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"))
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// JSON in a header: what is not ASCII as `\u` escapes.
fn trigger(events: &Value) -> HeaderValue {
    let mut text = String::new();
    for character in events.to_string().chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("{}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_holds_any_text() {
        let value = trigger(&json!({ "toast": { "text": "“fünf” 🎉" } }));
        let text = value.to_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap()["toast"]["text"], "“fünf” 🎉");
    }

    #[test]
    fn nobody_is_sent_back_to_another_site() {
        let headers = |referer: &'static str| {
            let pairs = [(header::REFERER, referer), (header::HOST, "here:8080")];
            back(&pairs.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect())
        };
        assert_eq!(headers("http://here:8080/contacts?q=a"), "/contacts?q=a");
        assert_eq!(headers("http://there/contacts"), "/");
        assert_eq!(headers("nonsense"), "/");
    }
}
