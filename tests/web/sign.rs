//! Coming in and going out.

use serde_json::json;

use super::browser::{Browser, Screen};
use super::sign_in;
use crate::common::{PASSWORD, Server};

#[test]
fn invitation_opens_the_sign_up_and_lets_one_in() {
    let mut server = Server::initialised("invite", &[]);
    server.serve();
    let mut admin = server.sign_in("admin");
    let reply = admin.ask("invite", &json!(null)).is(200);
    let code = reply.data()["meta"]["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    let browser = Browser::start();
    let page = browser.page(Screen::Phone, "en-GB");

    // Without a code the page says what is missing.
    page.open(&server, "/");
    page.click(".sign-card > .link");
    page.wait("document.querySelector('input[name=code]')");
    page.fill("input[name=login]", "newcomer");
    page.fill("input[name=password]", "Password123");
    page.run("document.querySelector('.sign-form').requestSubmit()");
    page.wait("document.querySelector('.form-error').textContent.includes('easy to guess')");
    page.fill("input[name=password]", PASSWORD);
    page.run("document.querySelector('.sign-form').requestSubmit()");
    page.wait("document.querySelector('.form-error').textContent.includes('Ask its owner for an invitation')");

    page.open(&server, &format!("/invite/{code}"));
    page.wait(&format!(
        "document.querySelector('input[name=code]')?.value === {}",
        json!(code)
    ));
    page.fill("input[name=login]", "newcomer");
    page.fill("input[name=username]", "New Comer");
    page.fill("input[name=password]", PASSWORD);
    page.run("document.querySelector('.sign-form').requestSubmit()");
    // Nobody has written to a newcomer: whom there is to write to comes first, and the list by Back.
    page.wait("document.documentElement.dataset.connection === 'ready' && document.querySelector('.picker .person')");
    page.run("history.back()");
    page.wait("document.querySelector('.empty-list')");
    // A reload stays signed in, and the code is gone from the address.
    assert_eq!(page.run("return location.pathname"), "/");
    page.reload();
    page.wait("document.querySelector('.flow-list .initials')?.dataset.text === 'NC'");

    page.open(&server, &format!("/invite/{code}"));
    page.wait("document.querySelector('.flow-list')");
    let other = browser.page(Screen::Desk, "ru-RU");
    other.open(&server, &format!("/invite/{code}"));
    other.fill("input[name=login]", "another");
    other.fill("input[name=password]", PASSWORD);
    other.run("document.querySelector('.sign-form').requestSubmit()");
    other.wait(
        "document.querySelector('.form-error')?.textContent.includes('Приглашение использовано')",
    );
}

#[test]
fn signing_out_leaves_nothing_behind() {
    let server = Server::start();
    server.register("anna");
    let browser = Browser::start();
    let page = browser.page(Screen::Desk, "en-GB");
    page.open(&server, "/");
    page.fill("input[name=login]", "anna");
    page.fill("input[name=password]", "wrong");
    page.click(".sign-form .button");
    page.wait("document.querySelector('.form-error').textContent === 'Wrong login or password.'");
    sign_in(&page, &server, "anna");
    page.run("localStorage.setItem('morelia.draft.' + JSON.parse(localStorage.getItem('morelia.session')).uuid + '.1', 'secret')");
    page.click(".me");
    page.wait("[...document.querySelectorAll('.row.action')].some((row) => row.textContent === 'Sign out')");
    page.run("[...document.querySelectorAll('.row.action')].find((row) => row.textContent === 'Sign out').click()");
    page.click("dialog .button:not(.quiet)");
    page.wait("document.querySelector('.sign-form')");
    assert_eq!(
        page.run("return Object.keys(localStorage).filter((key) => !['morelia.language', 'morelia.install'].includes(key))"),
        json!([])
    );
    page.wait("document.querySelector('.sign-form') && !document.querySelector('.shell')");
    // What the page puts off, for a second and a half, must not be written after all.
    let left = page.run_async(
        "await new Promise((next) => setTimeout(next, 2000));
         const open = indexedDB.open('morelia');
         const db = await new Promise((done, fail) => { open.onsuccess = () => done(open.result); open.onerror = fail; });
         let sum = 0;
         for (const name of db.objectStoreNames) {
           const count = db.transaction(name).objectStore(name).count();
           sum += await new Promise((done) => { count.onsuccess = () => done(count.result); });
         }
         db.close();
         return sum;",
    );
    assert_eq!(left, 0);
}

#[test]
fn session_that_ended_elsewhere_ends_here() {
    let server = Server::start();
    server.register("anna");
    let browser = Browser::start();
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    let mut elsewhere = server.sign_in("anna");
    elsewhere
        .ask("logout", &json!({"meta": {"all": true}}))
        .is(200);
    page.wait("document.querySelector('.notice')?.textContent.includes('session has ended')");
    assert_eq!(
        page.run("return localStorage.getItem('morelia.session')"),
        json!(null)
    );
}

/// Makes a link for a new password, and returns the path of its page.
fn reset_link(server: &Server, login: &str) -> String {
    let made = crate::users::document(server.command(["user", "reset", login]));
    let link = made["link"].as_str().expect("a link");
    let code = link.rsplit('/').next().expect("a code");
    format!("/reset/{code}")
}

#[test]
fn link_sets_a_new_password_typed_twice() {
    let server = Server::start();
    server.register("anna");
    let browser = Browser::start();
    let page = browser.page(Screen::Phone, "en-GB");
    let link = reset_link(&server, "anna");
    page.open(&server, &link);
    page.wait("document.querySelector('.sign-lead')?.textContent.includes('anna')");
    page.fill("input[name=password]", "a new one for anna");
    page.fill("input[name=again]", "another one");
    page.run("document.querySelector('.sign-form').requestSubmit()");
    page.wait("document.querySelector('.form-error').textContent.includes('do not match')");
    page.fill("input[name=again]", "a new one for anna");
    page.run("document.querySelector('.sign-form').requestSubmit()");
    page.wait("document.documentElement.dataset.connection === 'ready'");
    assert_eq!(page.run("return location.pathname"), "/");
    let login = |password: &str| json!({"user": [{"login": "anna", "password": password}]});
    let mut stranger = server.connect();
    stranger.request("authentication", &login(PASSWORD)).is(401);
    stranger
        .request("authentication", &login("a new one for anna"))
        .is(200);

    // Used, it says so, in the language of whoever opens it.
    let other = browser.page(Screen::Desk, "ru-RU");
    other.open(&server, &link);
    other.wait("document.querySelector('.notice')?.textContent.includes('использована')");
}

#[test]
fn link_for_somebody_else_asks_who_is_signed_in() {
    let server = Server::start();
    let mut anna = server.register("anna");
    server.register("boris");
    let browser = Browser::start();
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "boris");
    let link = reset_link(&server, "anna");
    page.open(&server, &link);
    page.wait("document.querySelector('.notice')?.textContent === 'This link is for anna. You are signed in as boris.'");
    assert_eq!(
        page.run("return document.querySelectorAll('input').length"),
        0
    );
    // Boris stays, and nothing is spent.
    page.click(".question .button.quiet");
    page.wait("document.documentElement.dataset.connection === 'ready'");
    anna.ask("ping_pong", &json!(null)).is(200);

    page.open(&server, &link);
    page.wait("document.querySelector('.question .button:not(.quiet)')");
    page.click(".question .button:not(.quiet)");
    page.fill("input[name=password]", "a new one for anna");
    page.fill("input[name=again]", "a new one for anna");
    page.run("document.querySelector('.sign-form').requestSubmit()");
    page.wait("document.documentElement.dataset.connection === 'ready'");
    assert_eq!(
        page.run("return JSON.parse(localStorage.getItem('morelia.session')).uuid"),
        json!(anna.id)
    );
    anna.ask("ping_pong", &json!(null)).is(401);
}

#[test]
fn invitation_opened_while_signed_in_offers_to_join() {
    let server = Server::start();
    let mut anna = server.register("anna");
    server.register("boris");
    let group = super::group(&mut anna, "Family", &[]);
    super::say(&mut anna, &group, "Hello, whoever comes");
    let made = anna
        .ask("invite", &json!({"meta": {"flow": group}}))
        .is(200);
    let code = made.data()["meta"]["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    let browser = Browser::start();
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "boris");
    page.open(&server, &format!("/invite/{code}"));
    page.wait("document.querySelector('dialog .button:not(.quiet)')?.textContent === 'Join'");
    page.click("dialog .button:not(.quiet)");
    page.wait("document.querySelector('.head-name')?.textContent === 'Family'");
    super::sees(&page, "Hello, whoever comes");
    // One that leads nowhere says so.
    let mut admin = server.sign_in("admin");
    let made = admin.ask("invite", &json!(null)).is(200);
    let code = made.data()["meta"]["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    page.open(&server, &format!("/invite/{code}"));
    page.wait("document.querySelector('dialog .button:not(.quiet)')?.textContent === 'Join'");
    page.click("dialog .button:not(.quiet)");
    page.wait("document.querySelector('.toast')?.textContent.includes('leads nowhere else')");
}

#[test]
fn code_of_another_device_signs_in() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let made = anna.ask("link_device", &json!(null)).is(200);
    let code = made.data()["meta"]["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    let browser = Browser::start();
    let page = browser.page(Screen::Phone, "en-GB");
    page.open(&server, &format!("/#/link/{code}"));
    page.wait("document.documentElement.dataset.connection === 'ready'");
    assert_eq!(page.run("return location.hash"), "");
    let other = browser.page(Screen::Phone, "en-GB");
    other.open(&server, &format!("/#/link/{code}"));
    other.wait("document.querySelector('.notice')?.textContent.includes('used or has expired')");
}

#[test]
fn devices_are_seen_and_signed_out() {
    let server = Server::start();
    let mut anna = server.register("anna");
    // The device has a connection open.
    anna.ask("ping_pong", &json!(null)).is(200);
    let browser = Browser::start();
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    page.open(&server, "/#/settings/devices");
    page.wait("document.querySelectorAll('.device').length === 2");
    page.wait("[...document.querySelectorAll('.device')].some((row) => row.innerText.includes('In use now'))");
    assert_eq!(
        page.run("return document.querySelectorAll('.device .button').length"),
        1
    );
    page.click(".device .button");
    page.click("dialog .button:not(.quiet)");
    page.wait("document.querySelectorAll('.device').length === 1");
    anna.ask("ping_pong", &json!(null)).is(401);
    // A link signs in one more.
    page.click(".list-actions .row.action");
    page.wait("document.querySelector('.link-box')?.value.includes('/#/link/')");
    let link = page.run("return document.querySelector('.link-box').value");
    let link = link.as_str().expect("a link");
    let path = &link[link.find("/#/").expect("a path")..];
    let phone = browser.page(Screen::Phone, "en-GB");
    phone.open(&server, path);
    phone.wait("document.documentElement.dataset.connection === 'ready'");
    // The first device is told.
    page.wait(
        "document.querySelector('.toast')?.textContent.includes('A new device has signed in')",
    );
}
