//! The pure modules of the client, each by itself, in the browser that they are made for.

use super::browser::{Browser, Screen};
use crate::common::Server;

#[test]
fn pure_modules_do_as_they_say() {
    let server = Server::start();
    let browser = Browser::start();
    let page = browser.page(Screen::Desk, "en-GB");
    page.open(&server, "/");
    let markup = include_str!("../data/markup.json");
    let script = format!("const MARKUP = {markup};\n{}", include_str!("units.js"));
    let results = page.run_async(&script);
    let results = results.as_array().expect("a list").clone();
    // A script that stopped early would otherwise look like success.
    assert!(results.len() >= 40, "only {} checks ran", results.len());
    let failed: Vec<_> = results
        .iter()
        .filter(|result| result["ok"] != true)
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
