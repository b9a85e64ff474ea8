//! Speaking: a finger holds, slides aside or up; what was spoken is heard, and waits.

use std::{thread, time::Duration};

use serde_json::{Value, json};

use super::access::passes;
use super::answers::family;
use super::browser::{Browser, Page, Screen};
use super::{NEWEST, group, open_flow, sees, sign_in, write};
use crate::common::Server;

/// A finger on the microphone of a page.
struct Finger<'a> {
    page: &'a Page<'a>,
    x: f64,
    y: f64,
}

impl<'a> Finger<'a> {
    fn down(page: &'a Page<'a>) -> Self {
        page.wait("document.querySelector('.voice')?.getBoundingClientRect().width > 0");
        let at = page.run("const box = document.querySelector('.voice').getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]");
        let (x, y) = (at[0].as_f64().expect("x"), at[1].as_f64().expect("y"));
        let finger = Self { page, x, y };
        finger.touch("touchStart", &json!([{"x": x, "y": y}]));
        finger
    }

    fn slide(&self, dx: f64, dy: f64) {
        for step in 1..=6 {
            let part = f64::from(step) / 6.0;
            let at = json!([{"x": self.x + dx * part, "y": self.y + dy * part}]);
            self.touch("touchMove", &at);
        }
    }

    fn up(&self) {
        self.touch("touchEnd", &json!([]));
        // A finger that flings is followed by no tap for a while.
        thread::sleep(Duration::from_millis(1_500));
    }

    fn touch(&self, kind: &str, points: &Value) {
        self.page.devtools(
            "Input.dispatchTouchEvent",
            json!({"type": kind, "touchPoints": points}),
        );
    }
}

const HELD: &str = "document.querySelector('.voice-bar.held')";

#[test]
fn held_it_records_and_let_go_it_sends() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    let finger = Finger::down(&two);
    two.wait(&format!(
        "{HELD}?.textContent.includes('Slide to cancel') && document.querySelector('.voice-bar .voice-time')?.textContent >= '0:02'"
    ));
    finger.up();
    one.wait(&format!(
        "{NEWEST}.querySelector('.voice-player .voice-time')?.textContent >= '0:02'"
    ));
    two.wait("!document.querySelector('.voice-bar') && document.querySelector('.voice').getBoundingClientRect().width > 0");
    // Slid aside, it is thrown away.
    let finger = Finger::down(&two);
    two.wait(&format!(
        "{HELD} && document.querySelector('.voice-bar .voice-time')?.textContent >= '0:01'"
    ));
    finger.slide(-150.0, 0.0);
    two.wait("!document.querySelector('.voice-bar')");
    finger.up();
    write(&two, "That was all");
    sees(&one, "That was all");
    one.wait("document.querySelectorAll('.voice-player').length === 1");
}

#[test]
fn slid_up_it_records_by_itself_and_waits_to_be_heard() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    group(&mut anna, "Club", &[&boris]);
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    open_flow(&page, "Family");
    let finger = Finger::down(&page);
    page.wait(HELD);
    finger.slide(0.0, -90.0);
    page.wait("document.querySelector('.voice-bar:not(.held) .send')");
    finger.up();
    page.wait("document.querySelector('.voice-bar .voice-time')?.textContent > '0:01'");
    passes(&page);
    page.click(".voice-stop");
    page.click(".voice-bar .voice-play");
    page.wait("document.querySelector('.voice-bar .icon-pause')");
    page.wait("document.querySelector('.voice-bar .wave i.done')");
    // It waits while one looks elsewhere, and is nowhere else.
    page.run("location.hash = '#/'");
    open_flow(&page, "Club");
    page.wait("document.querySelector('.composer') && !document.querySelector('.voice-bar')");
    page.run("location.hash = '#/'");
    open_flow(&page, "Family");
    page.wait("document.querySelector('.voice-bar .voice-player')");
    page.click(".voice-bar .send");
    page.wait(&format!(
        "{NEWEST}?.querySelector('.voice-player') && {NEWEST}.querySelector('[class*=icon-check]') && !document.querySelector('.voice-bar')"
    ));
    // Left in the middle of a sentence, it waits as well, and the microphone is off.
    let finger = Finger::down(&page);
    finger.up();
    page.wait("document.querySelector('.voice-bar .voice-time')?.textContent > '0:00'");
    page.run("location.hash = '#/'");
    page.wait("document.querySelector('.flow-list a.row')");
    open_flow(&page, "Family");
    page.wait("document.querySelector('.voice-bar .voice-player')");
    page.click(".voice-bar .icon-button");
    page.wait("!document.querySelector('.voice-bar')");
}

#[test]
fn without_encryption_it_says_why_and_how() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, ..) = family(&server, &browser);
    one.run("Object.defineProperty(window, 'isSecureContext', {value: false, configurable: true})");
    assert_eq!(one.run("return isSecureContext"), false);
    one.click(".voice");
    one.wait("document.querySelector('dialog')?.textContent.includes('Voice messages need HTTPS') && document.querySelector('dialog').textContent.includes('Ask them for HTTPS')");
    // Who can switch it on is told how.
    server
        .command(["user", "set", "anna", "--admin", "on"])
        .run()
        .exits(0);
    one.reload();
    one.wait("document.documentElement.dataset.connection === 'ready' && document.querySelector('.voice')");
    one.run("Object.defineProperty(window, 'isSecureContext', {value: false, configurable: true})");
    one.click(".voice");
    one.wait("document.querySelector('dialog .command')?.textContent.includes('acme_terms')");
}
