//! What Morelia does, seen from outside: one file per capability, over the real program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking and is read by its output"
)]

mod common;
mod conformance;

mod about;
mod abuse;
mod accounts;
mod acme;
mod administration;
mod after_backup;
mod alerts;
mod archives;
mod audit;
mod backup;
mod bot_clients;
mod bot_rights;
mod bots;
mod check;
mod chosen_passwords;
mod client;
mod clients;
mod compact;
mod database;
mod deletion;
mod devices;
mod driver;
mod durability;
mod ends;
mod envelope;
mod events;
mod exit_codes;
mod expiry;
mod export;
mod faults;
mod file_ends;
mod file_rights;
mod files;
mod flows;
mod golden;
mod guessing;
mod hook_files;
mod hook_forms;
mod hook_pictures;
mod hook_repeats;
mod hooks;
mod host;
mod hostile;
mod identity;
mod import;
mod invitations;
mod invited;
mod limits;
mod listed;
mod matrix;
mod messages;
mod model;
mod moderation;
mod monitor;
mod moving;
mod mutations;
mod names;
mod noise;
mod notify;
mod outgoing;
mod output;
mod outside;
mod own_view;
mod packages;
mod pages;
mod people;
mod pins;
mod posts;
mod power;
mod presence;
mod previews;
mod proxy;
mod push;
mod quotas;
mod races;
mod reactions;
mod recipes;
mod rest;
mod restart;
mod restored;
mod revoked;
mod rich;
mod rights;
mod roles;
mod rollback;
mod sealed_backups;
mod search;
mod security;
mod sent_files;
mod sessions;
mod setup;
mod situations;
mod soak;
mod sockets;
mod standby;
mod stored_files;
mod terminal;
mod tidy;
mod transfers;
mod transport;
mod trust;
mod updates;
mod uploads;
mod users;
mod web;
