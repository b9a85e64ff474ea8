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
    page.wait("document.querySelector('.form-error').textContent.includes('guessed first')");
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
    page.wait("document.documentElement.dataset.connection === 'ready' && document.querySelector('.empty-list')");
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
        page.run("return Object.keys(localStorage).filter((key) => key !== 'morelia.language')"),
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
