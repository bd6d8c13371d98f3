//! What SQLite's writer remembers between transactions: whether a workspace has an endpoint that is on, so that whoever writes an event need not
//! ask. All writes of a file go through the one thread that holds this, so nobody changes the answer unseen.
//!
//! | what happens | to the memory |
//! |---|---|
//! | an endpoint of the workspace is added, changed or removed | its answer goes, before the statement runs |
//! | anything is rolled back, by whomever | all answers go: one of them may have been learnt from what is no longer so |

use std::cell::RefCell;
use std::collections::HashMap;

/// Most answers that are kept.
const MOST: usize = 100_000;

/// The memory of a writer.
#[derive(Debug, Default)]
pub(crate) struct Memo(RefCell<HashMap<i64, bool>>);

impl Memo {
    pub(super) fn get(&self, workspace: i64) -> Option<bool> {
        self.0.borrow().get(&workspace).copied()
    }

    pub(super) fn keep(&self, workspace: i64, answer: bool) {
        let mut kept = self.0.borrow_mut();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(workspace, answer);
    }

    pub(super) fn forget(&self, workspace: i64) {
        self.0.borrow_mut().remove(&workspace);
    }

    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}
