//! The conflict inbox: who is asked, until when, what former answers suggest, what people read of it, and what nobody
//! answers in time.

pub(crate) mod calendar;
mod expire;
mod finish;
pub(crate) mod learn;
pub(crate) mod people;
pub(crate) mod words;

pub(crate) use expire::expire_some;
pub(crate) use finish::{at_hand, finish};
