//! An administrator who never opens a shell.

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::{group, sign_in};
use crate::administration::ask;
use crate::common::{PASSWORD, Person, Server};

/// Goes to a page of the administration and waits for what shows that it is there.
fn go(page: &Page, path: &str, condition: &str) {
    page.run(&format!("location.hash = {}", json!(format!("#/{path}"))));
    page.wait(condition);
}

/// Opens the menu of an account and takes the item of this name.
fn act_on(page: &Page, login: &str, item: &str) {
    let row = format!(
        "[...document.querySelectorAll('.person')].find((row) => row.textContent.includes({}))",
        json!(format!("@{login}"))
    );
    page.wait(&row);
    page.run(&format!(
        "{row}.click();
         [...document.querySelectorAll('.menu-item')].find((one) => one.textContent === {}).click();",
        json!(item)
    ));
}

/// Answers a question that wants one's own password again.
fn answer(page: &Page, password: &str) {
    page.fill("dialog input[name=password]", password);
    page.run("document.querySelector('dialog form').requestSubmit()");
}

fn administrator<'a>(server: &Server, browser: &'a Browser, screen: Screen) -> Page<'a> {
    let page = browser.page(screen, "en-GB");
    sign_in(&page, server, "admin");
    page
}

#[test]
fn people_are_suspended_helped_and_given_rights() {
    let (server, browser) = (Server::start(), Browser::start());
    server.register("boris");
    let two = browser.page(Screen::Desk, "en-GB");
    sign_in(&two, &server, "boris");
    let page = administrator(&server, &browser, Screen::Phone);
    go(
        &page,
        "settings",
        "[...document.querySelectorAll('.action')].some((row) => row.textContent === 'Administration')",
    );
    go(
        &page,
        "admin",
        "document.querySelector('.facts')?.textContent.includes('Accounts')",
    );
    go(
        &page,
        "admin/people",
        "document.querySelectorAll('.person').length === 2",
    );
    // A wrong password opens nothing, and signs nobody out.
    act_on(&page, "boris", "Make administrator");
    answer(&page, "not the password");
    page.wait("document.querySelector('dialog .form-error')?.textContent === 'The current password is wrong.'");
    answer(&page, PASSWORD);
    page.wait("[...document.querySelectorAll('.person')].find((row) => row.textContent.includes('@boris')).textContent.includes('Administrator')");
    two.run("location.hash = '#/settings'");
    two.wait("[...document.querySelectorAll('.action')].some((row) => row.textContent === 'Administration')");
    // A link for a new password.
    act_on(&page, "boris", "Password reset link");
    answer(&page, PASSWORD);
    page.wait("document.querySelector('dialog svg.qr') && document.querySelector('.link-box').value.includes('/reset/')");
    page.run("history.back()");
    page.wait("!document.querySelector('dialog')");
    // Suspended: out at once, and told why at the door.
    act_on(&page, "boris", "Suspend");
    page.click("dialog .button.danger");
    two.wait("document.querySelector('.sign-form')");
    page.wait("[...document.querySelectorAll('.person')].find((row) => row.textContent.includes('@boris')).textContent.includes('Suspended')");
    act_on(&page, "boris", "Restore access");
    page.wait("![...document.querySelectorAll('.person')].find((row) => row.textContent.includes('@boris')).textContent.includes('Suspended')");
    act_on(&page, "boris", "Delete account");
    answer(&page, PASSWORD);
    page.wait("document.querySelectorAll('.person').length === 1");
}

#[test]
fn invitations_registration_and_conversations() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[]);
    let page = administrator(&server, &browser, Screen::Desk);
    go(
        &page,
        "admin",
        "document.querySelector('.row.setting select')",
    );
    page.run("const choice = document.querySelector('.row.setting select'); choice.value = 'invite'; choice.dispatchEvent(new Event('change'))");
    go(
        &page,
        "admin/invitations",
        "document.querySelector('.panel[aria-label=Invitations] .hint')",
    );
    page.click(".panel .action");
    page.fill("dialog input[name=note]", "the cousins");
    page.fill("dialog input[name=uses]", "5");
    page.run("document.querySelector('dialog form').requestSubmit()");
    page.wait("document.querySelector('.link-box')?.value.includes('/invite/')");
    let link = page.run("return new URL(document.querySelector('.link-box').value).pathname");
    let two = browser.page(Screen::Phone, "en-GB");
    two.open(&server, link.as_str().expect("a path"));
    two.fill("input[name=login]", "cousin");
    two.fill("input[name=password]", PASSWORD);
    two.click(".sign-form .button");
    two.wait("document.documentElement.dataset.connection === 'ready'");
    page.run("document.querySelector('dialog').close()");
    go(
        &page,
        "admin",
        "document.querySelector('.row.setting select')?.value === 'invite'",
    );
    go(
        &page,
        "admin/invitations",
        "[...document.querySelectorAll('.row.setting')].some((row) => row.textContent.includes('the cousins') && row.textContent.includes('for 4 people'))",
    );
    page.click("[aria-label='Revoke the cousins']");
    page.click("dialog .button.danger");
    page.wait("!document.querySelector('.row.setting')");
    go(
        &page,
        "admin/conversations",
        "[...document.querySelectorAll('.row.setting')].some((row) => row.textContent.includes('Family'))",
    );
    page.click("[aria-label='Delete Family']");
    page.click("dialog .button.danger");
    page.wait("!document.querySelector('.row.setting')");
}

/// What was done, as the page tells it: each a text.
fn audit(page: &Page) -> String {
    let rows = page.run(
        "return [...document.querySelectorAll('.audit')].map((row) => row.innerText).join('|')",
    );
    rows.as_str().expect("a text").to_owned()
}

fn what_was_done_is_read(screen: Screen) {
    let (server, browser) = (Server::start(), Browser::start());
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[]);
    let page = administrator(&server, &browser, screen);
    go(
        &page,
        "admin/people",
        "document.querySelectorAll('.person').length === 2",
    );
    act_on(&page, "anna", "Suspend");
    page.click("dialog .button.danger");
    page.wait("document.body.innerText.includes('Suspended')");
    server.command(["registration", "closed"]).run().exits(0);
    server
        .command(["flow", "remove", "Family", "--yes"])
        .run()
        .exits(0);
    go(
        &page,
        "admin",
        "[...document.querySelectorAll('.action')].some((row) => row.textContent === 'Activity log')",
    );
    page.run("[...document.querySelectorAll('.action')].find((row) => row.textContent === 'Activity log').click()");
    page.wait("document.querySelectorAll('.audit').length > 2");
    let told = audit(&page);
    for part in [
        "Conversation deleted\nFamily\n",
        "the operator, by a command",
        "Registration changed\nClosed\n",
        "Account suspended\n@anna\n",
        "· @admin",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told:?}");
    }
    // Nothing is wider than the screen.
    assert_eq!(
        page.run("return document.documentElement.scrollWidth <= innerWidth"),
        true
    );
    super::access::passes(&page);
}

#[test]
fn what_was_done_is_read_on_a_phone() {
    what_was_done_is_read(Screen::Phone);
}

#[test]
fn what_was_done_is_read_at_a_desk() {
    what_was_done_is_read(Screen::Desk);
}

#[test]
fn storage_that_was_not_touched_stays_and_numbers_that_are_none_are_told() {
    let (server, browser) = (Server::start(), Browser::start());
    let anna = server.register("anna");
    let mut admin = server.sign_in("admin");
    let quota = |admin: &mut Person| {
        let listed = ask(admin, "list_users", &json!({"query": "anna"})).is(200);
        listed.data()["meta"]["users"][0]["quota"].clone()
    };
    // Less than the unit of the field, and no whole number of it: 0 would be no limit at all.
    let order = json!({"user": anna.id, "quota": 300_001});
    ask(&mut admin, "set_user", &order).is(200);
    let page = administrator(&server, &browser, Screen::Phone);
    go(
        &page,
        "admin/people",
        "document.querySelectorAll('.person').length === 2",
    );
    let submit = |page: &Page| page.run("document.querySelector('dialog form').requestSubmit()");
    let told = |page: &Page, text: &str| {
        page.wait(&format!(
            "document.querySelector('dialog .form-error').textContent === {}",
            json!(text)
        ));
    };
    act_on(&page, "anna", "Name and storage");
    page.wait("document.querySelector('dialog input[name=quota]')?.value === '0.286'");
    page.fill("dialog input[name=username]", "Anna");
    submit(&page);
    page.wait("!document.querySelector('dialog') && document.body.textContent.includes('Anna')");
    assert_eq!(quota(&mut admin), json!(300_001));
    act_on(&page, "anna", "Name and storage");
    page.fill("dialog input[name=quota]", "-3");
    submit(&page);
    told(&page, "Enter a number from 0 up.");
    // What is no number is not taken for an empty field.
    page.fill("dialog input[name=quota]", "");
    page.press("dialog input[name=quota]", "5-");
    submit(&page);
    told(&page, "Enter a whole number.");
    super::access::passes(&page);
    page.fill("dialog input[name=quota]", "2");
    submit(&page);
    page.wait("!document.querySelector('dialog')");
    assert_eq!(quota(&mut admin), json!(2 << 20));
    act_on(&page, "anna", "Name and storage");
    page.fill("dialog input[name=quota]", "");
    submit(&page);
    page.wait("!document.querySelector('dialog')");
    assert_eq!(quota(&mut admin), json!(null));
    go(
        &page,
        "admin/invitations",
        "document.querySelector('.panel[aria-label=Invitations] .hint')",
    );
    page.click(".panel .action");
    page.fill("dialog input[name=uses]", "5000");
    submit(&page);
    told(&page, "Enter a number up to 1000.");
    page.fill("dialog input[name=uses]", "1.5");
    submit(&page);
    told(&page, "Enter a whole number.");
}

/// Fails where words of the page are cut off, or touch its edge.
#[track_caller]
fn nothing_is_cut(page: &Page, selector: &str) {
    let found = page.run(&format!(
        "const texts = [...document.querySelectorAll({})];
         const range = document.createRange();
         const cut = texts.filter((one) => {{
           range.selectNodeContents(one);
           const [words, place] = [range.getBoundingClientRect(), one.closest('.panel, dialog').getBoundingClientRect()];
           return one.scrollWidth > one.clientWidth || words.left < place.left + 4 || words.right > place.right - 4;
         }});
         return [texts.length > 0, cut.map((one) => one.textContent)]",
        json!(selector)
    ));
    assert_eq!(found, json!([true, []]), "{selector}");
}

#[test]
fn long_words_of_the_administration_are_read_to_the_end() {
    let (server, browser) = (Server::start(), Browser::start());
    server.register("anna");
    for screen in [Screen::Phone, Screen::Desk] {
        let page = browser.page(screen, "ru-RU");
        sign_in(&page, &server, "admin");
        page.wait("document.querySelector('.flow-list')");
        go(
            &page,
            "admin/people",
            "document.querySelectorAll('.person .row-text').length === 2",
        );
        nothing_is_cut(&page, ".person .row-text");
        go(
            &page,
            "admin/audit",
            "document.querySelector('.audit') && document.querySelector('.panel .scroll > .hint')",
        );
        nothing_is_cut(&page, ".panel .scroll > .hint");
    }
}

#[test]
fn backups_are_made_and_the_server_is_examined() {
    let (server, browser) = (Server::start(), Browser::start());
    server.register("anna");
    let page = administrator(&server, &browser, Screen::Phone);
    go(
        &page,
        "admin/backups",
        "document.querySelector('.panel[aria-label=Backups] .hint')",
    );
    page.click(".panel .action");
    page.wait("document.querySelector('.row.setting')?.textContent.includes('morelia-')");
    go(
        &page,
        "admin/check",
        "document.querySelectorAll('.check-ok').length > 3",
    );
    // For everybody else it does not exist.
    let two = browser.page(Screen::Desk, "ru-RU");
    sign_in(&two, &server, "anna");
    two.run("location.hash = '#/settings'");
    two.wait("document.querySelector('.action')");
    assert_eq!(two.run("return [...document.querySelectorAll('.action')].some((row) => row.textContent === 'Администрирование')"), false);
    two.run("location.hash = '#/admin/people'");
    two.wait("document.querySelector('[role=alert]')?.textContent === 'Это может сделать только администратор.'");
}
