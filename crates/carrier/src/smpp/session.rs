//! One bound link: what is written, what is read, and what becomes of both when it ends.
//!
//! | what comes | what happens |
//! |---|---|
//! | a text of ours, while the window has room and the pace allows | written, unless its time is over by then, under a sequence number; from then on it may have arrived |
//! | its answer | given to whoever waits; if nobody does any more, told as news that proves the send |
//! | a delivery | handed to the ear; answered with yes once that is stored, else the SMSC is asked to come again |
//! | silence | asked after; silence again ends the link |
//! | the end | every text that was written and not answered is lost from sight, every other was surely not sent |
//!
//! The timers here are the network's: they bound waits for another machine, and no manual clock pushes them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::desk::Desk;
use super::pdu::{Delivery, Frame, Unwritten, command, status};
use super::pieces::Key;
use super::repeats::Content;

/// A connection, plain or under TLS.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// How long nothing may be heard before the SMSC is asked after.
const SILENCE: Duration = Duration::from_secs(30);
/// How long it may take to answer that, to take what we write, or to say farewell.
const ANSWER: Duration = Duration::from_secs(10);
/// How often what waits is looked through.
const LOOK: Duration = Duration::from_secs(5);
/// How long the end waits for answers that are still to come.
const FAREWELL: Duration = Duration::from_secs(5);
/// Most deliveries that are stored at once; while there are so many, nothing is read.
const AT_ONCE: usize = 64;
/// The first wait between two texts of a link that is throttled, and the longest.
const SLOWEST: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

/// A text on its way to the line.
pub(super) struct Order {
    pub(super) body: Unwritten,
    pub(super) note: Note,
    /// Taken by whoever is first: the link, to write it, or who gave it, to take it back.
    pub(super) taken: std::sync::Arc<std::sync::atomic::AtomicBool>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a late answer would tell of.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) attempt: domain::ids::AttemptId,
    pub(super) from: String,
    /// Whether its answer stands for the whole text.
    pub(super) is_last: bool,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// The SMSC answered.
    Said { status: u32, id: String },
    /// It was written, and the link ended before the answer.
    Lost,
    /// It was not written.
    NotWritten,
    /// It was not written: too little time was left in which it may be delivered.
    TooLate,
}

/// How a session is to run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) window: usize,
    /// The least time between two texts.
    pub(super) gap: Duration,
}

struct Pending {
    note: Note,
    answer: oneshot::Sender<Answer>,
}

/// A delivery whose storing is over.
pub(super) struct Stored {
    pub(super) request: Option<Frame>,
    pub(super) content: Option<Content>,
    pub(super) event_id: String,
    pub(super) gathered: Option<Key>,
    pub(super) is_stored: bool,
}

pub(super) struct Session<'d> {
    desk: &'d Desk,
    /// The number of the link, among those of this process.
    link: u64,
    reader: ReadHalf<Box<dyn Wire>>,
    writer: WriteHalf<Box<dyn Wire>>,
    inbox: Vec<u8>,
    sequence: u32,
    pending: BTreeMap<u32, Pending>,
    storing: FuturesUnordered<BoxFuture<'d, Stored>>,
    pace: Pace,
    gap: Duration,
    asked_after: bool,
}

/// Ends after that long.
fn after(wait: Duration) -> BoxFuture<'static, ()> {
    Box::pin(async move { drop(timeout(wait, std::future::pending::<()>()).await) })
}

impl<'d> Session<'d> {
    pub(super) fn new(desk: &'d Desk, link: u64, wire: Box<dyn Wire>, pace: Pace) -> Self {
        let (reader, writer) = tokio::io::split(wire);
        Self {
            desk,
            link,
            reader,
            writer,
            inbox: Vec::new(),
            sequence: 0,
            pending: BTreeMap::new(),
            storing: FuturesUnordered::new(),
            pace,
            gap: pace.gap,
            asked_after: false,
        }
    }

    /// Asks to be bound; answers the status.
    pub(super) async fn bind(&mut self, command: u32, body: Vec<u8>) -> Result<u32, String> {
        let sequence = self.next();
        self.write(&Frame::request(command, sequence, body)).await?;
        let answered = timeout(ANSWER, async {
            loop {
                if let Some(frame) = Frame::take(&mut self.inbox).map_err(|error| error.to_string())? {
                    if frame.sequence == sequence && frame.command & command::ANSWER != 0 {
                        return Ok(frame.status);
                    }
                    continue;
                }
                self.read().await?;
            }
        });
        answered.await.unwrap_or_else(|_| Err("the SMSC does not answer the bind".to_owned()))
    }

    /// Serves the link until it ends or is told to; answers why it ended.
    pub(super) async fn run(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), String> {
        let (mut silence, mut look, mut rest) = (after(SILENCE), after(LOOK), after(Duration::ZERO));
        let mut may_write = false;
        loop {
            while let Some(frame) = Frame::take(&mut self.inbox).map_err(|error| error.to_string())? {
                (silence, self.asked_after) = (after(SILENCE), false);
                self.heard(frame).await?;
            }
            let has_room =
                self.pending.values().filter(|pending| !pending.answer.is_closed()).count() < self.pace.window;
            tokio::select! {
                read = self.reader.read_buf(&mut self.inbox), if self.storing.len() < AT_ONCE => match read {
                    Ok(0) => return Err("the SMSC closed the link".to_owned()),
                    Ok(_) => {}
                    Err(error) => return Err(error.to_string()),
                },
                Some(order) = orders.recv(), if has_room && may_write => {
                    if self.submit(order).await? {
                        (may_write, rest) = (self.gap.is_zero(), after(self.gap));
                    }
                }
                () = &mut rest, if !may_write => may_write = true,
                Some(stored) = self.storing.next(), if !self.storing.is_empty() => self.confirm(stored).await?,
                () = &mut silence => {
                    if self.asked_after {
                        return Err("the SMSC does not answer any more".to_owned());
                    }
                    (silence, self.asked_after) = (after(ANSWER), true);
                    let sequence = self.next();
                    self.write(&Frame::request(command::ENQUIRE_LINK, sequence, Vec::new())).await?;
                }
                () = &mut look => {
                    look = after(LOOK);
                    self.storing.extend(self.desk.late());
                    if self.desk.waits_for_proof(self.link) {
                        // Its answer proves that our confirmations came: what is delivered with the same words after it is another text.
                        let sequence = self.next();
                        self.write(&Frame::request(command::ENQUIRE_LINK, sequence, Vec::new())).await?;
                    }
                }
                () = super::line::told(stop) => return Ok(()),
            }
        }
    }

    /// Waits a little for answers that are still to come, and says farewell.
    pub(super) async fn leave(&mut self) {
        let waits = async {
            while !(self.pending.is_empty() && self.storing.is_empty()) {
                self.once().await?;
            }
            Ok::<_, String>(())
        };
        if let Ok(Err(_)) = timeout(FAREWELL, waits).await {
            return;
        }
        let sequence = self.next();
        let farewell = async {
            self.write(&Frame::request(command::UNBIND, sequence, Vec::new())).await?;
            while !self.once().await? {}
            Ok::<_, String>(())
        };
        let _ = timeout(FAREWELL, farewell).await;
        let _ = self.writer.shutdown().await;
    }

    /// Reads or confirms once; says whether the SMSC said farewell too.
    async fn once(&mut self) -> Result<bool, String> {
        tokio::select! {
            read = self.reader.read_buf(&mut self.inbox) => match read {
                Ok(0) => return Err("the SMSC closed the link".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            },
            Some(stored) = self.storing.next(), if !self.storing.is_empty() => self.confirm(stored).await?,
        }
        let mut farewell = false;
        while let Some(frame) = Frame::take(&mut self.inbox).map_err(|error| error.to_string())? {
            farewell |= frame.command == command::UNBIND | command::ANSWER;
            self.heard(frame).await?;
        }
        Ok(farewell)
    }

    /// What was written is lost from sight.
    pub(super) fn end(&mut self) {
        for (_, pending) in std::mem::take(&mut self.pending) {
            let _ = pending.answer.send(Answer::Lost);
        }
    }

    async fn read(&mut self) -> Result<(), String> {
        match self.reader.read_buf(&mut self.inbox).await {
            Ok(0) => Err("the SMSC closed the link".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn write(&mut self, frame: &Frame) -> Result<(), String> {
        let written = timeout(ANSWER, self.writer.write_all(&frame.bytes())).await;
        written.map_err(|_| "the SMSC takes nothing any more".to_owned())?.map_err(|error| error.to_string())
    }

    fn next(&mut self) -> u32 {
        self.sequence = self.sequence % 0x7FFF_FFFF + 1;
        self.sequence
    }

    /// Writes a text, unless it was taken back; says whether it did.
    async fn submit(&mut self, order: Order) -> Result<bool, String> {
        use std::sync::atomic::Ordering;
        let Some(body) = order.body.at(self.desk.ear.now()) else {
            let _ = order.answer.send(Answer::TooLate);
            return Ok(false);
        };
        if order.answer.is_closed() || order.taken.swap(true, Ordering::AcqRel) {
            return Ok(false);
        }
        let sequence = self.next();
        // Before the first byte goes: whatever happens from here on, it may have arrived.
        self.pending.insert(sequence, Pending { note: order.note, answer: order.answer });
        self.write(&Frame::request(command::SUBMIT_SM, sequence, body)).await?;
        Ok(true)
    }

    async fn heard(&mut self, frame: Frame) -> Result<(), String> {
        match frame.command {
            command::DELIVER_SM => {
                let delivery = Delivery::read(&frame.body);
                if let Some(storing) = self.desk.delivered(frame.clone(), &delivery) {
                    self.storing.push(storing);
                } else {
                    self.say_yes(&frame, Some(super::desk::content(&delivery))).await?;
                }
            }
            command::ENQUIRE_LINK => self.write(&frame.answer(status::OK, Vec::new())).await?,
            command::UNBIND => {
                self.write(&frame.answer(status::OK, Vec::new())).await?;
                return Err("the SMSC ended the link".to_owned());
            }
            answer if answer & command::ANSWER != 0 => self.answered(&frame),
            _ => {
                let unknown = Frame { command: command::GENERIC_NACK, status: status::UNKNOWN_COMMAND, ..frame };
                self.write(&Frame { body: Vec::new(), ..unknown }).await?;
            }
        }
        Ok(())
    }

    fn answered(&mut self, frame: &Frame) {
        self.desk.proved(self.link, frame.sequence);
        let Some(Pending { note, answer }) = self.pending.remove(&frame.sequence) else { return };
        self.slow_or_speed(frame.status);
        let is_submission = frame.command == command::SUBMIT_SM | command::ANSWER;
        if frame.status == status::OK && !is_submission {
            // An answer to something else under this number: nothing is known.
            let _ = answer.send(Answer::Lost);
            return;
        }
        let said =
            Answer::Said { status: frame.status, id: if is_submission { frame.first_string() } else { String::new() } };
        if let Err(Answer::Said { status: status::OK, id }) = answer.send(said)
            && note.is_last
        {
            self.storing.push(self.desk.late_answer(&note, &id));
        }
    }

    /// A link that is throttled waits twice as long between two texts, and by and by less again.
    fn slow_or_speed(&mut self, said: u32) {
        let [first, longest] = SLOWEST;
        self.gap = if matches!(said, status::THROTTLED | status::QUEUE_FULL) {
            (self.gap * 2).clamp(first, longest)
        } else {
            (self.gap - self.gap / 8).max(self.pace.gap)
        };
    }

    /// Answers a delivery, once it is stored or could not be.
    /// Waits for what was heard to be stored, without a word to the SMSC: the link is gone.
    pub(super) async fn stored(&mut self) {
        while let Some(stored) = self.storing.next().await {
            self.desk.settle(&stored);
        }
    }

    async fn confirm(&mut self, stored: Stored) -> Result<(), String> {
        self.desk.settle(&stored);
        let Some(request) = &stored.request else { return Ok(()) };
        if stored.is_stored {
            return self.say_yes(request, stored.content).await;
        }
        self.write(&request.answer(status::TRY_AGAIN, vec![0])).await
    }

    async fn say_yes(&mut self, request: &Frame, content: Option<Content>) -> Result<(), String> {
        self.write(&request.answer(status::OK, vec![0])).await?;
        if let Some(content) = content {
            self.desk.answered(content, self.link, self.sequence);
        }
        Ok(())
    }
}
