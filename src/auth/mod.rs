//! Passwords, tokens and the brake on guessing: pure, knowing no store and no wire.

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
