//! What can fail inside of every use case and is nobody's fault: the database or the books.

use store::DbError;
use store::ledger::PostError;

/// A use case could not be carried out; nothing of it was kept, unless the database cannot say ([`DbError::CommitUnknown`]).
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database did not do what it was asked.
    #[error("the database did not do what it was asked")]
    Db(#[from] DbError),
    /// The ledger refused transfers that the rules had decided.
    #[error("the ledger refused a posting")]
    Books(#[source] PostError),
    /// Something stored does not fit this program: a defect, or a database changed by hand.
    #[error("what is stored does not fit: {0}")]
    Stored(String),
}

impl From<PostError> for Failure {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Db(error) => Self::Db(error),
            refused => Self::Books(refused),
        }
    }
}

impl Failure {
    /// What lies behind it, in words, from the outside in: for the log.
    pub fn causes(&self) -> String {
        let mut words = Vec::new();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            words.push(error.to_string());
            cause = error.source();
        }
        words.join(": ")
    }
}
