//! How much of a file one transaction saves: some chunks of nothing but new contacts where there is one writer, one where somebody was there, and
//! one while a reply waits.

use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::import::{ImportOptions, ImportOutlets, ImportProgress};

use crate::cut::{Talk, on_both};
use crate::world::World;

/// Rows of a file, and of a chunk.
const ROWS: usize = 9_000;
const CHUNK: u64 = 500;
/// As many rows are read ahead before a transaction begins as its chunks have, and some more for what lies in buffers.
const AHEAD: usize = 3_000;

fn phone(n: usize) -> String {
    format!("+1212{:07}", 8_000_000 + n)
}

/// One row, which is long: a buffer holds few of them.
fn row(n: usize) -> String {
    format!("Zoe,{},{}\n", phone(n), "Oak Street ".repeat(20))
}

/// A file that says how much of it has been read.
struct Told {
    file: Cursor<Vec<u8>>,
    read: Arc<AtomicUsize>,
}

impl Read for Told {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read, Ordering::SeqCst);
        Ok(read)
    }
}

/// Imports the file, each transaction with enough rows ready, and says how many rows each of them saved.
async fn steps(world: &World) -> Vec<u64> {
    let file: String = std::iter::once("First Name,Phone,Notes\n".to_owned()).chain((0..ROWS).map(row)).collect();
    let (bytes, read, rows) = (file.len(), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(vec![0])));
    let progress = {
        let (read, rows) = (Arc::clone(&read), Arc::clone(&rows));
        move |progress: &ImportProgress| {
            rows.lock().unwrap().push(progress.rows);
            let wanted = (progress.rows as usize + AHEAD) * row(0).len();
            let is_ready = |_: &u32| read.load(Ordering::SeqCst) >= wanted.min(bytes);
            let wait = (0..60_000).inspect(|_| std::thread::sleep(Duration::from_millis(1))).find(is_ready);
            assert!(wait.is_some(), "so many chunks are not read ahead any more");
        }
    };
    let source = Told { file: Cursor::new(file.into_bytes()), read };
    let outlets = ImportOutlets { progress: Box::new(progress), ..ImportOutlets::default() };
    let options = ImportOptions { no_consent: true, ..ImportOptions::default() };
    let report = world.engine.import_contacts(&world.actor, source, options, outlets).await.unwrap();
    assert_eq!(report.counts.rows, ROWS as u64);
    let rows = rows.lock().unwrap();
    rows.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0).collect()
}

#[test]
fn new_contacts_share_transactions_where_there_is_one_writer() {
    on_both(async |world, has_one_writer| {
        // In the seventh chunk and in the eighth: steps of four chunks end at one of them at most, whichever way they begin.
        for (nth, row) in [3_100, 3_600].into_iter().enumerate() {
            world.contact(nth as i64, &phone(row), &[]).await;
        }
        let steps = steps(&world).await;
        if !has_one_writer {
            assert_eq!(steps, [CHUNK; ROWS / CHUNK as usize], "who locks contacts there does so in one order");
            return world.end().await;
        }
        let most = 4 * CHUNK;
        assert!(steps.iter().all(|step| *step <= most) && steps.contains(&most), "{steps:?}");
        let ends: Vec<u64> = (1..=steps.len()).map(|first| steps[..first].iter().sum()).collect();
        assert!(ends.contains(&3_500) && ends.contains(&4_000), "whoever was there ends it: {ends:?}");
        world.end().await;
    });
}

#[test]
fn a_reply_waits_for_one_chunk() {
    on_both(async |world, has_one_writer| {
        if !has_one_writer {
            return world.end().await;
        }
        let talk = Talk::begin(&world).await;
        let steps = steps(&world).await;
        talk.end().await;
        // One chunk, four steps of four, and one: no more than six steps, if no reply is waited for.
        assert!(steps.len() > 6, "{steps:?}");
        world.end().await;
    });
}
