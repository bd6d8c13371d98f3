//! The server: opens everything, answers requests, dispatches, and ends in order.
//!
//! | on SIGTERM or Ctrl-C | |
//! |---|---|
//! | first | no request and no claim is begun |
//! | then | requests, and carriers, webhooks and mail servers that have been called are waited for, up to the grace |
//! | last | what was answered is settled, links to SMSCs say farewell |

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use engine::Clock;
use engine::first_run::SetupCode;
use engine::lease::{self, LeaseEnd};
use jiff::SignedDuration;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Settings;
use crate::demo::lead::{self, LeadError};
use crate::demo::{self, DemoError};
use crate::metrics::{self, Requests};
use crate::outfit::{self, IfMissing, OutfitError};
use crate::wiring::{self, Parts, WiringError};
use crate::{api, hooks, page, web};

/// Why the server does not run, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The parts cannot be put together.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// Accounts at carriers cannot be opened.
    #[error(transparent)]
    Outfit(#[from] OutfitError),
    /// The demo cannot be set up.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// How far the demo's clock was ahead is not known.
    #[error(transparent)]
    Lead(#[from] LeadError),
    /// Whether there is an account is not known.
    #[error(transparent)]
    Accounts(#[from] engine::Failure),
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: is another program there? choose another with --listen")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server broke off.
    #[error("the server broke off")]
    Io(#[source] std::io::Error),
    /// Another node took this one's number, or could take it at any moment: it must not go on.
    #[error("the lease on this node's number was lost; the process ends so that nothing is done twice")]
    LeaseLost,
}

/// What whoever started the server is told once requests are answered.
#[derive(Debug, Clone, Copy)]
pub struct Started<'s> {
    /// The address of the pages.
    pub url: &'s str,
    /// Whether it is a demo.
    pub demo: bool,
    /// The code to make the first account with, while there is none.
    pub setup_code: Option<&'s str>,
}

/// Serves until it is told to stop. `started` is told the address once requests are answered.
pub async fn serve(settings: Settings, started: impl FnOnce(Started<'_>)) -> Result<(), ServeError> {
    let clock = if settings.demo { lead::clock(&settings.data)? } else { Clock::System };
    let behaviour = if settings.demo { wiring::demo_behaviour() } else { wiring::quiet_behaviour() };
    let (database, data) = (settings.database.clone(), settings.data.clone());
    // Nothing leaves the machine in a demo, whose clock runs ahead: it has no accounts at carriers.
    let outfit = if settings.demo { None } else { outfit::outfit(&settings, IfMissing::Make)? };
    let opened = tokio::task::spawn_blocking(move || wiring::open_with(&database, &data, clock, behaviour, outfit));
    let mut parts = opened.await.map_err(|error| ServeError::Io(std::io::Error::other(error)))??;
    parts.proxies = settings.trusted_proxies.clone();
    // Nor does a demo take cards.
    if let Some(till) = if settings.demo { None } else { outfit::till(&settings)? } {
        parts.engine.take_cards(till);
    }
    // Nor does it send e-mails.
    if let Some(postbox) = if settings.demo { None } else { outfit::postbox(&settings)? } {
        parts.engine.send_mails_by(postbox);
    }
    let key = if settings.demo { Some(demo::key(&parts.engine, &settings.data).await?) } else { None };
    let address = settings.listen.to_string();
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.map_err(|source| ServeError::Listen { address: address.clone(), source })?;
    let local = listener.local_addr().map_or(address, |local| local.to_string());
    let url = format!("http://{local}");
    let engine = parts.engine.clone();
    let first = !settings.demo && engine.nobody_yet().await?;
    // From here on work is under way and links stand: whoever stops the process now wants them ended in order.
    let told_to_stop = told_to_stop();
    let (stop, stopped) = watch::channel(false);
    let grace = SignedDuration::try_from(settings.shutdown_grace).unwrap_or(SignedDuration::from_secs(10));
    let work = tokio::spawn(work(parts.clone(), stopped.clone(), grace));
    let lease = tokio::spawn({
        let (engine, stopped) = (parts.engine.clone(), stopped.clone());
        async move { engine.hold_node(stopped).await }
    });
    let setup = first.then(|| parts.setup_code.clone());
    let app = app(parts, settings.max_body_bytes, &url, key);
    started(Started { url: &url, demo: settings.demo, setup_code: setup.as_ref().map(SetupCode::text) });
    let mut ending = stopped.clone();
    let shutdown = async move {
        let _ = ending.wait_for(|stop| *stop).await;
    };
    let server = tokio::spawn(
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(shutdown)
            .into_future(),
    );
    let lost = tokio::select! {
        () = told_to_stop => false,
        end = lease => !matches!(end, Ok(LeaseEnd::Told)),
    };
    stop.send_replace(true);
    // An open page would hold its connection for good.
    engine.end_watching();
    tracing::info!("stopping: waiting for what is under way");
    // Whoever has lost the lease must be gone before the number can be another's.
    let most = if lost { Duration::try_from(lease::MARGIN).unwrap_or_default() / 2 } else { Duration::MAX };
    match tokio::time::timeout(most, work).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the dispatcher broke off"),
        Err(_) => tracing::error!("the dispatcher was not waited for: the lease is lost"),
    }
    let waited = tokio::time::timeout(settings.shutdown_grace, server).await;
    if let Ok(Ok(Err(error))) = waited {
        return Err(ServeError::Io(error));
    }
    if lost { Err(ServeError::LeaseLost) } else { Ok(()) }
}

/// Dispatching, the handsets, webhooks, e-mails, and what is done now and then.
async fn work(parts: Parts, stopped: watch::Receiver<bool>, grace: SignedDuration) {
    let engine = parts.engine.clone();
    let house = tokio::spawn({
        let (engine, parts, stopped) = (engine.clone(), parts.clone(), stopped.clone());
        async move {
            tokio::join!(
                web::ImportsKeeper::of(parts).keep(stopped.clone()),
                engine.keep_house(stopped.clone()),
                engine.keep_sealed(stopped.clone()),
                engine.keep_checking(stopped.clone()),
                engine.adopt_jobs(stopped)
            )
        }
    });
    engine.open_links();
    let post = engine.post_webhooks(stopped.clone(), grace);
    let mails = engine.send_mails(stopped.clone(), grace);
    tokio::join!(engine.dispatch(stopped.clone(), grace), engine.pump(&parts.simulator, stopped), post, mails);
    engine.close_links().await;
    house.abort();
}

/// Until SIGTERM or Ctrl-C, each of which counts from this call on: what comes before the waiting does is not lost.
fn told_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let told = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async move {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = told {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// All routes of the server.
pub fn app(parts: Parts, max_body_bytes: usize, url: &str, key: Option<String>) -> Router {
    let (url, key) = (Arc::<str>::from(url), Arc::new(key));
    let reference = get({
        let url = Arc::clone(&url);
        async move || api::reference::page(&url)
    });
    let start = get(move || {
        let (url, key) = (Arc::clone(&url), Arc::clone(&key));
        async move { api::start::page(&url, key.as_deref(), domain::zones::tzdb_version()) }
    });
    let requests = Arc::new(Requests::default());
    Router::new()
        .route("/api", reference)
        .route("/api/start", start)
        .route("/style.css", get(page::style))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .nest("/api/v1", api::router(max_body_bytes))
        .merge(hooks::routes())
        .merge(web::router(&parts))
        .with_state(parts.clone())
        .route("/metrics", get(metrics::show).with_state((parts, Arc::clone(&requests))))
        .layer(middleware::from_fn_with_state(requests, metrics::count))
}

/// The addresses that are there for an operator only.
pub fn operators_addresses() -> impl Iterator<Item = &'static str> {
    web::operator::ROUTES.iter().map(|(address, _)| *address)
}

async fn ready(State(parts): State<Parts>) -> Response {
    match parts.engine.next_due().await {
        Ok(_) => Json(json!({ "ready": true, "tzdb": domain::zones::tzdb_version() })).into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false }))).into_response(),
    }
}
