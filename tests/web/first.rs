//! The first hour: at the door, as a newcomer, on an empty server, and the one offer to install.

use serde_json::json;

use super::access::passes;
use super::browser::{Browser, Page, Screen};
use super::{group, say, sign_in};
use crate::common::{PASSWORD, Person, Server};

/// Makes an account an administrator's.
fn promote(server: &Server, login: &str) {
    let command = ["user", "set", login, "--admin", "on"];
    server.command(command).run().exits(0);
}

#[test]
fn door_names_the_house_and_its_owner() {
    let server = Server::with(&[
        ("web.title", "The Ivanovs"),
        ("web.contact", "mailto:anna@example.org"),
    ]);
    let browser = Browser::start();
    let page = browser.page(Screen::Phone, "en-GB");
    page.open(&server, "/");
    page.wait("document.querySelector('.sign-card h1').textContent === 'The Ivanovs'");
    page.wait("document.querySelector('.sign-host').textContent === location.host");
    page.click(".sign-forgot button");
    page.wait("document.querySelector('.sign-help a[href=\"mailto:anna@example.org\"]')?.textContent === 'anna@example.org'");
    page.wait("document.querySelector('.sign-help').textContent.includes('link to set a new one')");
    passes(&page);
    // Who has no invitation is told whom to ask.
    page.click(".sign-card > .link");
    page.wait("document.querySelector('input[name=code]') && document.querySelector('.sign-help')?.textContent.includes('No invitation?')");
    // A contact is no way to run a script or to mark up the page.
    let odd = Server::with(&[("web.contact", "javascript:alert(1) <b>room 12</b>")]);
    let other = browser.page(Screen::Desk, "ru-RU");
    other.open(&odd, "/");
    // What is typed ends before the button that shows it, also in a language of longer words.
    other.wait("document.querySelector('.reveal')");
    assert_eq!(
        other.run("const field = document.querySelector('input[name=password]'); return field.getBoundingClientRect().right - parseFloat(getComputedStyle(field).paddingInlineEnd) <= document.querySelector('.reveal').getBoundingClientRect().left"),
        true
    );
    other.click(".sign-forgot button");
    other.wait("document.querySelector('.sign-help bdi')?.textContent === 'javascript:alert(1) <b>room 12</b>' && !document.querySelector('.sign-help a')");
    assert_eq!(
        other.run("return document.querySelector('.sign-card h1').textContent"),
        "Morelia"
    );
}

/// Signs up by an invitation.
fn sign_up(page: &Page, server: &Server, code: &str, login: &str) {
    page.open(server, &format!("/invite/{code}"));
    page.fill("input[name=login]", login);
    page.fill("input[name=password]", PASSWORD);
    page.run("document.querySelector('.sign-form').requestSubmit()");
}

fn invite(person: &mut Person, meta: &serde_json::Value) -> String {
    let reply = person.ask("invite", &json!({"meta": meta})).is(200);
    let code = reply.data()["meta"]["code"].as_str();
    code.expect("a code").to_owned()
}

#[test]
fn newcomer_lands_in_a_conversation() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    promote(&server, "anna");
    let family = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &family, "Welcome, whoever comes");
    let code = invite(&mut anna, &json!({"flow": family}));
    let page = browser.page(Screen::Phone, "en-GB");
    sign_up(&page, &server, &code, "clara");
    page.wait("document.querySelector('.head-name')?.textContent === 'Family' && document.querySelector('.composer-field')");
    // Back leads to the list, where the conversation stands.
    page.run("history.back()");
    page.wait("document.querySelectorAll('.flow-list a.row').length === 1 && !document.querySelector('.conversation')");
    // That was the first time: signing in again opens the list.
    page.reload();
    page.wait("document.querySelector('.flow-list a.row time')");
    page.run_async("await new Promise((next) => setTimeout(next, 1_000));");
    assert_eq!(
        page.run("return document.querySelector('.conversation')"),
        json!(null)
    );
}

#[test]
fn empty_server_greets_its_administrator_with_three_steps() {
    let mut server = Server::initialised("invite", &[]);
    server.serve();
    let mut admin = server.sign_in("admin");
    let browser = Browser::start();
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "admin");
    page.wait("document.querySelectorAll('.first-step').length === 3 && !document.querySelector('.first-steps .done')");
    let step = |name: &str| {
        format!(
            "[...document.querySelectorAll('.first-step')].find((one) => one.textContent.includes({}))",
            json!(name)
        )
    };
    page.run(&format!("{}.click()", step("Invite people")));
    page.wait("document.querySelector('dialog .link-box')?.value.includes('/invite/')");
    page.run("history.back()");
    page.wait(&format!("{}.disabled", step("Invite people")));
    page.run(&format!("{}.click()", step("Create a group")));
    page.wait("document.querySelector('.new-flow')");
    page.run("history.back()");
    group(&mut admin, "Family", &[]);
    page.wait(&format!("{}.disabled", step("Create a group")));
    // It is remembered.
    page.reload();
    page.wait("document.querySelectorAll('.first-steps .done').length === 2");
    passes(&page);
    // One thing at a time: installing is not offered beside it.
    let counted = page.run("return localStorage.getItem('morelia.install')");
    assert_eq!(counted, json!(null));
    page.run(&format!("{}.click()", step("reachable and secure")));
    page.wait(
        "document.querySelector('dialog .command')?.textContent.includes('acme_terms = agreed')",
    );
    passes(&page);
    page.click("dialog .button.quiet");
    page.wait("location.hash === '#/admin/check'");
    page.run("history.back()");
    page.wait("document.querySelector('.first-card')");
    // Who does without is asked no more.
    page.click(".first-card .icon-button");
    page.wait("!document.querySelector('.first-card')");
    page.reload();
    page.wait("document.querySelector('.flow-list a.row')");
    page.run_async("await new Promise((next) => setTimeout(next, 1_000));");
    assert_eq!(
        page.run("return document.querySelector('.first-card')"),
        json!(null)
    );
}

#[test]
fn server_with_people_needs_no_welcome() {
    let (server, browser) = (Server::start(), Browser::start());
    server.register("boris");
    server.register("anna");
    promote(&server, "anna");
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    page.wait("Object.entries(localStorage).some(([key, value]) => key.startsWith('morelia.first.') && value === 'done')");
    assert_eq!(
        page.run("return document.querySelector('.first-card')"),
        json!(null)
    );
}

#[test]
fn installing_is_offered_once_to_who_came_back() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let family = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &family, "First words");
    let page = browser.page(Screen::Phone, "en-GB");
    let offer = "const event = new Event('beforeinstallprompt', {cancelable: true});
         event.prompt = () => { window.asked = (window.asked ?? 0) + 1; };
         dispatchEvent(event);
         return event.defaultPrevented;";
    sign_in(&page, &server, "anna");
    page.wait("localStorage.getItem('morelia.install') === '1'");
    assert_eq!(page.run(offer), true);
    page.run_async("await new Promise((next) => setTimeout(next, 500));");
    assert_eq!(
        page.run("return document.querySelector('.first-card')"),
        json!(null)
    );
    page.reload();
    page.wait("localStorage.getItem('morelia.install') === '2'");
    page.wait("document.querySelector('.flow-list a.row time')");
    page.run(offer);
    page.wait("document.querySelector('.first-card')?.textContent.includes('Install Morelia')");
    passes(&page);
    page.click(".first-card .button:not(.quiet)");
    page.wait("window.asked === 1 && !document.querySelector('.first-card')");
    page.reload();
    page.wait("document.querySelector('.flow-list a.row time')");
    page.run(offer);
    page.run_async("await new Promise((next) => setTimeout(next, 1_000));");
    assert_eq!(
        page.run("return document.querySelector('.first-card')"),
        json!(null)
    );
}
