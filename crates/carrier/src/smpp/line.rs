//! Keeps the link of one account: connects, binds, serves, and after its end waits and tries again, for as long as the process serves.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::desk::Desk;
use super::pdu::{Bind, command, status};
use super::session::{Answer, Order, Pace, Session, Wire};
use super::{Terms, codes};
use crate::Checked;
use crate::codes as classes;
use crate::ear::{Ear, Link};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The first wait before the next try, and the longest.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// How long a link must have held for the next one to be tried at once.
const HELD: SignedDuration = SignedDuration::from_secs(60);
/// Longest wait for unfinished texts to be stored when a link has ended.
const STORING: Duration = Duration::from_secs(5);

/// The line of an account.
pub(super) struct Line {
    name: String,
    terms: Terms,
    state: Mutex<State>,
    /// What ties the parts of the next long text together.
    reference: AtomicU8,
    links: AtomicU64,
}

struct State {
    link: Link,
    /// Where texts are handed in while the link stands, and what remembers them.
    open: Option<(mpsc::Sender<Order>, Arc<Desk>)>,
}

/// Why there is no link.
struct NoLink {
    why: String,
    /// The SMSC does not let us in: nothing changes in a second.
    refused: bool,
}

impl From<String> for NoLink {
    fn from(why: String) -> Self {
        Self { why, refused: false }
    }
}

impl Line {
    pub(super) fn new(name: String, terms: Terms) -> Self {
        let state = Mutex::new(State { link: Link::Apart, open: None });
        // Different accounts begin differently, so that two of them to one SMSC do not tie the same parts together.
        let reference = AtomicU8::new(name.bytes().fold(0, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte)));
        Self { name, terms, state, reference, links: AtomicU64::new(0) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(super) fn next_reference(&self) -> u8 {
        self.reference.fetch_add(1, Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn link(&self) -> Link {
        self.state().link.clone()
    }

    /// Where texts are handed in, or why they cannot be.
    pub(super) fn open(&self) -> Result<(mpsc::Sender<Order>, Arc<Desk>), String> {
        let state = self.state();
        match (&state.open, &state.link) {
            (Some((orders, desk)), _) => Ok((orders.clone(), Arc::clone(desk))),
            (None, Link::Down { why, .. }) => Err(format!("there is no link to the SMSC: {why}")),
            (None, _) => Err("there is no link to the SMSC yet".to_owned()),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Wire>, String> {
        let Terms { host, port, tls, .. } = &self.terms;
        let connecting = timeout(CONNECT, TcpStream::connect((host.as_str(), *port))).await;
        let stream = connecting.map_err(|_| "no connection within 10 seconds".to_owned())?;
        let stream = stream.map_err(|error| plain(&error))?;
        let _ = stream.set_nodelay(true);
        if *tls { super::tls::over(stream, host).await } else { Ok(Box::new(stream)) }
    }

    /// Connects and binds.
    async fn bound<'d>(&self, desk: &'d Desk, how: u32) -> Result<Session<'d>, NoLink> {
        let Terms { system_id, password, system_type, window, gap, .. } = &self.terms;
        let wire = self.connect().await?;
        let link = self.links.fetch_add(1, Ordering::Relaxed);
        let mut session = Session::new(desk, link, wire, Pace { window: *window, gap: *gap });
        let bind = Bind { system_id, password: password.reveal(), system_type };
        let said = session.bind(how, bind.body()).await?;
        if said == status::OK {
            return Ok(session);
        }
        let code = codes::written(said);
        let words = classes::words(codes::BINDS, &code, "the SMSC does not let us in");
        Err(NoLink { why: format!("{words} ({code})"), refused: said != status::ALREADY_BOUND })
    }

    /// Whether a bind works. Where the link stands that is known; else one is tried that hears nothing, and ended.
    pub(super) async fn check(&self) -> Checked {
        match self.link() {
            Link::Linked { .. } => return Checked::Works,
            Link::Apart | Link::Down { .. } => {}
        }
        let desk = Desk::new(self.name.clone(), self.terms.alphabet, self.terms.ids, Arc::new(Deaf));
        match self.bound(&desk, command::BIND_TRANSMITTER).await {
            Ok(mut session) => {
                session.leave().await;
                Checked::Works
            }
            Err(NoLink { why, refused: true }) => Checked::Refused { reason: why },
            Err(NoLink { why, refused: false }) => Checked::Unavailable { reason: why },
        }
    }

    /// Makes a link and serves it to its end; says why it ended, or nothing if that was wished.
    async fn serve(&self, desk: &Arc<Desk>, stop: &mut watch::Receiver<bool>, tries: &mut u32) -> Result<(), NoLink> {
        let mut session = tokio::select! {
            bound = self.bound(desk, command::BIND_TRANSCEIVER) => bound?,
            () = told(stop) => return Ok(()),
        };
        let began = desk.ear.now();
        // One that waits is taken back by whoever gave it, as long as it is not written.
        let (orders, mut inbox) = mpsc::channel(1);
        {
            let mut state = self.state();
            state.link = Link::Linked { since: desk.ear.now() };
            state.open = Some((orders, Arc::clone(desk)));
        }
        tracing::info!(carrier = self.name, "linked to the SMSC");
        let ended = session.run(&mut inbox, stop).await;
        // Only a link that held begins anew at once: two nodes of which the SMSC allows one would throw each other out for ever.
        if desk.ear.now().duration_since(began) > HELD {
            *tries = 0;
        }
        self.state().open = None;
        inbox.close();
        while let Some(order) = inbox.recv().await {
            let _ = order.answer.send(Answer::NotWritten);
        }
        if ended.is_ok() {
            session.leave().await;
        }
        session.end();
        let unfinished = async {
            // Among it may be the answer that proves a text in doubt.
            session.stored().await;
            for storing in desk.unfinished() {
                desk.settle(&storing.await);
            }
        };
        let _ = timeout(STORING, unfinished).await;
        Ok(ended?)
    }

    fn down(&self, ear: &Arc<dyn Ear>, why: &str) {
        let mut state = self.state();
        let since = match &state.link {
            Link::Down { since, .. } => *since,
            Link::Apart | Link::Linked { .. } => ear.now(),
        };
        state.link = Link::Down { since, why: why.to_owned() };
    }
}

/// Keeps the line until told to stop.
pub(super) async fn keep(line: Arc<Line>, ear: Arc<dyn Ear>, mut stop: watch::Receiver<bool>) {
    let desk = Arc::new(Desk::new(line.name.clone(), line.terms.alphabet, line.terms.ids, Arc::clone(&ear)));
    let mut tries = 0;
    loop {
        let Err(NoLink { why, refused }) = line.serve(&desk, &mut stop, &mut tries).await else { break };
        tracing::warn!(carrier = line.name, why, "there is no link to the SMSC");
        line.down(&ear, &why);
        let wait = wait(&line.name, tries, refused);
        tries += 1;
        if timeout(wait, told(&mut stop)).await.is_ok() {
            break;
        }
    }
    line.state().link = Link::Apart;
}

/// Why there is no connection, in words for a person.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nobody takes calls at this host and port".to_owned(),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no way leads to this host".to_owned(),
        _ => error.to_string(),
    }
}

/// Until the line is to be given up.
pub(super) async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// How long until the next try: twice as long each time, and for no two accounts the same.
fn wait(name: &str, tries: u32, refused: bool) -> Duration {
    let [first, longest] = WAITS;
    let whole = if refused { longest } else { (first * 2_u32.saturating_pow(tries.min(6))).min(longest) };
    let spread =
        name.bytes().fold(tries.wrapping_mul(7_919), |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    whole / 2 + whole / 2 * (spread % 1_000) / 1_000
}

/// For a link that is only tried.
struct Deaf;

impl Ear for Deaf {
    fn take<'a>(
        &'a self,
        _carrier: &'a str,
        _heard: crate::Heard,
    ) -> futures_util::future::BoxFuture<'a, Result<(), crate::ear::NotTaken>> {
        Box::pin(async { Err(crate::ear::NotTaken("this link is only tried".to_owned())) })
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_slower_and_slower_and_never_all_at_once() {
        let (a, b) = (wait("car_1", 0, false), wait("car_2", 0, false));
        assert!(a != b && a >= Duration::from_millis(500) && a <= Duration::from_secs(1), "{a:?} {b:?}");
        for tries in 6..20 {
            let wait = wait("car_1", tries, false);
            assert!(wait >= Duration::from_secs(30) && wait <= Duration::from_secs(60), "{wait:?}");
        }
        assert!(wait("car_1", 0, true) >= Duration::from_secs(30));
    }
}
