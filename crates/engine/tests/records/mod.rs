//! What people do with their contacts, on both databases: fields of their own, files, changes of many, drafts of texts.

mod changes;
mod drafts;
mod fields;
mod imports;
mod undo;
