//! Passwords, tokens and the throttle for guessing: pure code that knows neither the store nor the wire.

mod password;
mod signing;
mod throttle;
mod ticket;
mod token;
mod weakness;

pub use password::{HashError, Password, hash_password, verify_password};
pub use signing::SigningSecret;
pub use throttle::{Taken, Throttle};
pub use ticket::{Ticket, TicketKey};
pub use token::{BotSecret, HookSecret, InviteCode, Token};
pub use weakness::{Weakness, weakness};
