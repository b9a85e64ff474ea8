//! The web client, in a real browser: Chromium, driven by its own chromedriver over `WebDriver`.
//!
//! Needs Debian's packages `chromium` and `chromium-driver`. Set `MORELIA_SCREENSHOTS` to a folder
//! (`docs/screenshots`) to have the pictures of the documentation made again.

mod access;
mod admin;
mod answers;
mod browser;
mod changes;
mod devtools;
mod films;
mod first;
mod groups;
mod history;
mod hooks;
mod kept;
mod looks;
mod media;
mod own;
mod previews;
mod push;
mod robust;
mod safety;
mod sign;
mod speed;
mod talk;
mod trust;
mod units;
mod voice;

use serde_json::json;

use crate::common::{Person, Server};
use browser::Page;

/// Makes a group of these people, owned by the first; returns its id.
fn group(owner: &mut Person, title: &str, others: &[&Person]) -> String {
    let users: Vec<_> = others.iter().map(|person| person.id.clone()).collect();
    let flow = json!({"flow": [{"type": "group", "title": title, "users": users}]});
    let reply = owner.ask("add_flow", &flow).is(200);
    reply.flows()[0]["uuid"].as_str().expect("an id").to_owned()
}

/// Sends a text to a flow.
fn say(person: &mut Person, flow: &str, text: &str) {
    let message = json!({"flow": [{"uuid": flow}], "message": [{"text": text}]});
    person.ask("send_message", &message).is(200);
}

/// Opens the client and signs in by its form.
fn sign_in(page: &Page, server: &Server, login: &str) {
    page.open(server, "/");
    page.fill("input[name=login]", login);
    page.fill("input[name=password]", crate::common::PASSWORD);
    page.click(".sign-form .button");
    page.wait("document.documentElement.dataset.connection === 'ready'");
}

/// Opens a flow by its title in the list, and waits for its messages.
fn open_flow(page: &Page, title: &str) {
    let row = format!(
        "[...document.querySelectorAll('a.row')].find((row) => row.querySelector('.row-title').textContent === {})",
        json!(title)
    );
    page.wait(&row);
    page.run(&format!("{row}.click()"));
    page.wait(&format!(
        "document.querySelector('.head-name')?.textContent === {} && document.querySelector('article.message, .empty-flow')",
        json!(title)
    ));
}

/// Waits until the newest message in the conversation has this text.
fn sees(page: &Page, text: &str) {
    page.wait(&format!("{NEWEST}?.textContent.includes({})", json!(text)));
}

/// Writes a message and sends it, by the button: on a phone, Enter is a new line.
fn write(page: &Page, text: &str) {
    page.fill(".composer-field", text);
    page.click(".send");
}

/// The newest message in the page, as an expression.
const NEWEST: &str = "[...document.querySelectorAll('article.message')].at(-1)";
