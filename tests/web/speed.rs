//! How long a slow phone waits. Reported, not asserted: machines differ.

use serde_json::json;

use super::browser::{Browser, Screen};
use super::looks;
use crate::common::Server;

#[test]
fn slow_phone_is_reported() {
    let (server, browser) = (Server::start(), Browser::start());
    looks::furnish(&server);
    let page = browser.page(Screen::Phone, "en-GB");
    // Chromium's own idea of a slow phone: a processor four times slower, 1.6 Mbit/s, 150 ms.
    page.devtools("Network.enable", json!({}));
    page.devtools(
        "Network.emulateNetworkConditions",
        json!({"offline": false, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}),
    );
    page.devtools("Emulation.setCPUThrottlingRate", json!({"rate": 4}));
    page.open(&server, "/");
    page.wait("document.querySelector('.sign-form')");
    let first = page.run(
        "const paint = performance.getEntriesByName('first-contentful-paint')[0];
         const files = performance.getEntriesByType('resource');
         return {form_ms: Math.round(performance.now()), paint_ms: Math.round(paint?.startTime ?? 0), files: files.length,
                 sent_bytes: files.reduce((sum, one) => sum + one.transferSize, 0), whole_bytes: files.reduce((sum, one) => sum + one.decodedBodySize, 0)}",
    );
    super::sign_in(&page, &server, "anna");
    page.wait("document.querySelector('a.row time')");
    page.reload();
    page.wait("document.querySelector('a.row time')");
    let again = page.run("return {list_ms: Math.round(performance.now())}");
    eprintln!("slow phone: first visit {first}, opened again {again}");
    assert!(first["whole_bytes"].as_u64().is_some_and(|sum| sum > 0));
}
