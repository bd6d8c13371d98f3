//! What was wrong with a request of a page: any error of a use case, told in the words of the API's problems.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::answer::html;
use super::format;
use super::frame::{Frame, Section};
use super::look::Look;
use super::viewer::Viewer;
use crate::problem::Problem;

/// Why a page is not shown or an action not done.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// A use case refused it.
    Problem(Problem),
    /// A page of another site asked for it.
    OtherSite,
    /// The page is of another workspace than the one that is open by now, which has this name.
    OtherWorkspace(String),
    /// Nobody is signed in: this is the address to sign in at.
    SignIn(String),
}

impl<E> From<E> for Wrong
where
    Problem: From<E>,
{
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl Wrong {
    /// There is no such page or object in the workspace.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::Problem(Problem::not_found(what))
    }
}

/// What was wrong, on its way to the last hand, which knows how the browser wants it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    detail: String,
    id: Option<String>,
    pub(super) sign_in: Option<String>,
}

impl Told {
    /// A sentence for a person.
    pub(super) fn sentence(&self) -> String {
        match &self.id {
            Some(id) => format!("{}: {id}.", format::capital(&self.detail)),
            None => format::sentence(&self.detail),
        }
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let told = match self {
            Self::Problem(problem) => {
                let (status, detail, id) = problem.told_to_people();
                Told { status, detail, id, sign_in: None }
            }
            Self::OtherSite => {
                let detail = "the request came from another site; open the page here and try again".to_owned();
                Told { status: StatusCode::FORBIDDEN, detail, id: None, sign_in: None }
            }
            Self::OtherWorkspace(name) => {
                let detail = format!(
                    "nothing was done: this page is of another workspace than the one you are in now, which is {name}; open the page anew"
                );
                Told { status: StatusCode::CONFLICT, detail, id: None, sign_in: None }
            }
            Self::SignIn(to) => Told {
                status: StatusCode::UNAUTHORIZED,
                detail: "sign in first".to_owned(),
                id: None,
                sign_in: Some(to),
            },
        };
        let mut response = told.status.into_response();
        response.extensions_mut().insert(told);
        response
    }
}

#[derive(Template)]
#[template(path = "wrong.html")]
struct WrongPage {
    title: String,
    look: Look,
    sentence: String,
    status: u16,
}

/// The same for somebody who is signed in: they can go on from here.
#[derive(Template)]
#[template(path = "wrong-framed.html")]
struct FramedWrongPage<'v> {
    frame: Frame<'v>,
    sentence: String,
    status: u16,
}

/// The page that says it, in the frame of whoever looks where that is known; or the way to sign in.
pub(super) fn page(told: &Told, looks: Result<&Viewer, Look>, path: &str) -> Response {
    if let Some(to) = &told.sign_in {
        return axum::response::Redirect::to(to).into_response();
    }
    let title = match told.status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not allowed",
        status if status.is_server_error() => "It failed",
        _ => "That did not work",
    };
    let (sentence, status) = (told.sentence(), told.status.as_u16());
    let answer = match looks {
        Ok(viewer) => html(&FramedWrongPage { frame: Frame::new(title, Section::of(path), viewer), sentence, status }),
        Err(look) => html(&WrongPage { title: title.to_owned(), look, sentence, status }),
    };
    (told.status, answer).into_response()
}
