//! The pure modules of the client, each by itself: in the browser that they are made for, and in Node,
//! which has no page that they could lean on.

use std::process::Command;

use super::browser::{Browser, Screen};
use crate::common::Server;

/// Collects what was found in `results`.
const FINDINGS: &str = "
    const root = document.querySelector('script[type=module]').src.replace('main.js', '');
    const load = (path) => import(root + path);
    const results = [];
    const same = (name, found, wanted) => {
      const ok = JSON.stringify(found) === JSON.stringify(wanted);
      results.push(ok ? { name, ok } : { name, ok, found, wanted });
    };
";

#[test]
fn pure_modules_do_as_they_say() {
    let server = Server::start();
    let browser = Browser::start();
    let page = browser.page(Screen::Desk, "en-GB");
    page.open(&server, "/");
    let markup = include_str!("../data/markup.json");
    let (pure, page_only) = (include_str!("pure.js"), include_str!("units.js"));
    let script = format!("const MARKUP = {markup};\n{FINDINGS}{pure}{page_only}return results;");
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

#[test]
fn pure_modules_need_no_page() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node");
    let run = Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-timeout=60000"])
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{error}: the tests of the web client need Debian's package nodejs (20.19 or newer)"
            )
        });
    let told = String::from_utf8_lossy(&run.stdout);
    let passed = told
        .lines()
        .find_map(|line| line.split_once("pass "))
        .and_then(|(_, count)| count.trim().parse::<usize>().ok());
    assert!(run.status.success(), "{told}");
    assert!(passed.is_some_and(|count| count >= 100), "{told}");
}
