//! Two things at once: one that only reckons, and one that waits for the database.

use std::panic::resume_unwind;
use std::thread::{self, Builder};

/// Does `aside` on a thread of its own while `here` is done on this one, and answers both. Where no thread is to be had it is done
/// afterwards, so it must not hang on what `here` does. A panic of either is this thread's.
pub(crate) fn meanwhile<A: Send, H>(mut aside: impl FnMut() -> A + Send, here: impl FnOnce() -> H) -> (H, A) {
    let (done, beside) = thread::scope(|scope| {
        let beside = Builder::new().name("meanwhile".to_owned()).spawn_scoped(scope, &mut aside);
        (here(), beside.ok().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))))
    });
    (done, beside.unwrap_or_else(aside))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn both_are_done_and_either_may_panic() {
        let here = thread::current().id();
        let (mine, other) = meanwhile(|| thread::current().id(), || thread::current().id());
        assert!(mine == here && other != here);
        assert!(catch_unwind(AssertUnwindSafe(|| meanwhile(|| panic!("aside"), || ()))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| meanwhile(|| (), || panic!("here")))).is_err());
    }
}
