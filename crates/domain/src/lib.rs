//! What is true: the pure rules of Dripline.
//!
//! Nothing in this crate does I/O, waits, reads a clock or draws chance: time and facts are
//! arguments, decisions are return values. So every rule can be tested in a microsecond.

pub mod access;
pub mod areas;
pub mod attempt;
pub mod automatic;
pub mod balance;
pub mod capitals;
pub mod consent;
pub mod deadline;
pub mod enrollment;
pub mod forecast;
pub mod gsm;
pub mod holidays;
pub mod ids;
pub mod kinds;
pub mod ledger;
pub mod mail;
pub mod message;
pub mod money;
pub mod networks;
pub mod optout;
pub mod pace;
pub mod payment;
pub mod phone;
pub mod plan;
pub mod quote;
pub mod refusal;
pub mod registration;
pub mod rules;
pub mod schedule;
pub mod seal;
pub mod search;
pub mod segments;
pub mod smart;
pub mod states;
pub mod suppression;
pub mod tally;
pub mod tariff;
pub mod template;
pub mod unnamed;
pub mod webhook;
pub mod window;
pub mod workflow;
pub mod zip;
pub mod zones;
