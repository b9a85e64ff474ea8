//! Answering, reacting, calling by name, passing on, pinning, asking, and what one sets for oneself.

use serde_json::{Value, json};

use super::browser::{Browser, Page, Screen};
use super::{NEWEST, group, open_flow, say, sees, sign_in, write};
use crate::{
    administration::ask,
    bots::bot,
    common::{Person, Server, health::until},
};

/// The message with this text, as an expression.
fn message(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('article.message')].find((one) => one.querySelector('.text')?.textContent.includes({}))",
        json!(text)
    )
}

/// Opens the menu of a message.
pub(super) fn open_menu(page: &Page, text: &str) {
    let bubble = message(text);
    page.wait(&bubble);
    page.run(&format!(
        "{bubble}.querySelector('.bubble').dispatchEvent(new MouseEvent('contextmenu', {{bubbles: true, cancelable: true, clientX: 200, clientY: 250}}))"
    ));
    page.wait("document.querySelector('.menu')");
}

/// Takes an item of the menu that is open.
pub(super) fn take(page: &Page, item: &str) {
    page.run(&format!(
        "[...document.querySelectorAll('.menu-item')].find((one) => one.textContent === {}).click()",
        json!(item)
    ));
}

/// Drags a real finger over a message, to the left.
pub(super) fn swipe(page: &Page, text: &str) {
    let at = page.run(&format!(
        "const box = {}.querySelector('.bubble').getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]",
        message(text)
    ));
    let (x, y) = (at[0].as_f64().expect("x"), at[1].as_f64().expect("y"));
    let touch = |kind: &str, points: Value| {
        page.devtools(
            "Input.dispatchTouchEvent",
            json!({"type": kind, "touchPoints": points}),
        );
    };
    touch("touchStart", json!([{"x": x, "y": y}]));
    for step in 1..=8 {
        touch(
            "touchMove",
            json!([{"x": x - f64::from(step) * 12.0, "y": y}]),
        );
    }
    // A finger that lets go while it moves makes the browser pass over the next tap.
    page.run_async("await new Promise((next) => setTimeout(next, 200));");
    touch("touchMove", json!([{"x": x - 97.0, "y": y}]));
    touch("touchEnd", json!([]));
}

/// Two people in "Family", each looking at it; what the second said is there.
pub(super) fn family<'a>(
    server: &Server,
    browser: &'a Browser,
) -> (Page<'a>, Page<'a>, Person, String) {
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &flow, "Who is coming on Sunday?");
    let one = browser.page(Screen::Desk, "en-GB");
    let two = browser.page(Screen::Phone, "en-GB");
    sign_in(&one, server, "anna");
    sign_in(&two, server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    sees(&two, "Sunday");
    (one, two, anna, flow)
}

#[test]
fn answer_quotes_and_leads_to_its_message() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, mut anna, flow) = family(&server, &browser);
    swipe(&two, "Sunday");
    two.wait("!document.querySelector('.composer-bar').hidden && document.querySelector('.composer-bar').textContent.includes('anna')");
    write(&two, "We are");
    two.wait(&format!(
        "{}?.querySelector('[class*=icon-check]')",
        message("We are")
    ));
    one.wait(&format!(
        "{}?.querySelector('.quote')?.textContent.includes('Who is coming')",
        message("We are")
    ));
    // By the keyboard at a desk: R on a message.
    one.run("document.querySelector('.timeline').focus()");
    one.press(".timeline", "\u{e013}");
    one.press("article.message:focus", "r");
    one.wait("document.activeElement.matches('.composer-field')");
    write(&one, "Good");
    two.wait(&format!(
        "{}?.querySelector('.quote')?.textContent.includes('We are')",
        message("Good")
    ));
    // Far away, the quote still leads there.
    for number in 0..120 {
        say(&mut anna, &flow, &format!("hay {number}"));
    }
    let last = format!("{NEWEST}?.textContent.includes('hay 119')");
    two.wait(&last);
    open_menu(&two, "hay 119");
    take(&two, "Reply");
    write(&two, "stop it");
    two.wait(&format!(
        "{}?.querySelector('[class*=icon-check]')",
        message("stop it")
    ));
    two.reload();
    two.wait("document.querySelector('article.message')");
    two.run("location.hash = location.hash.replace(/$/, '/m/1')");
    two.wait(&format!("{}?.classList.contains('lit')", message("We are")));
    two.run(&format!(
        "{}.querySelector('.quote').click()",
        message("We are")
    ));
    two.wait("document.querySelector('article.message[data-number=\"0\"].lit')");
    // Deleted, it does not live on in what quotes it.
    open_menu(&one, "hay 119");
    one.run("document.querySelector('.menu').finish()");
    one.run("location.hash = location.hash.replace(/$/, '/m/0')");
    one.wait("document.querySelector('article.message[data-number=\"0\"].lit')");
    open_menu(&one, "Sunday");
    take(&one, "Delete");
    two.wait("document.querySelector('article.deleted')");
    two.reload();
    two.run("location.hash = location.hash.replace(/\\/m.*$/, '') + '/m/1'");
    two.wait(&format!(
        "{}?.querySelector('.quote:disabled')?.textContent.includes('Message deleted')",
        message("We are")
    ));
}

#[test]
fn reactions_are_seen_and_taken_back() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    open_menu(&two, "Sunday");
    two.click(".strip-sign");
    let count = |n: &str| {
        format!(
            "{}.querySelector('.reaction')?.textContent === {}",
            message("Sunday"),
            json!(format!("👍{n}"))
        )
    };
    one.wait(&count("1"));
    one.click(".reaction");
    two.wait(&count("2"));
    two.wait("document.querySelector('.reaction').getAttribute('aria-pressed') === 'true'");
    open_menu(&one, "Sunday");
    take(&one, "Reactions");
    one.wait("document.querySelectorAll('dialog .person').length === 2");
    one.run("document.querySelector('dialog').close()");
    two.click(".reaction");
    one.wait(&count("1"));
    one.click(".reaction");
    two.wait("!document.querySelector('.reaction')");
}

#[test]
fn somebody_is_called_by_name() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    two.run("location.hash = '#/'");
    two.wait("document.querySelector('.flow-list a.row')");
    one.press(".composer-field", "Ask @bo");
    one.wait("document.querySelectorAll('.completion .row').length === 1");
    one.press(".composer-field", "\u{e007}");
    one.wait("document.querySelector('.composer-field').value === 'Ask @boris ' && document.querySelector('.completion').hidden");
    one.press(".composer-field", "about it\u{e007}");
    one.wait(&format!(
        "{NEWEST}.querySelector('.mention')?.textContent === '@boris'"
    ));
    two.wait("document.querySelector('a.row .badge.at')");
    open_flow(&two, "Family");
    two.wait(&format!("{NEWEST}.querySelector('.mention.me')"));
    two.run("location.hash = '#/'");
    two.wait("!document.querySelector('a.row .badge.at')");
}

#[test]
fn marks_are_shown_and_typed() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    one.press(".composer-field", "so \u{e009}b\u{e000}very\u{e010} late");
    assert_eq!(
        one.run("return document.querySelector('.composer-field').value"),
        "so **very** late"
    );
    one.press(".composer-field", "\u{e007}");
    two.wait(&format!(
        "{NEWEST}.querySelector('.text strong')?.textContent === 'very'"
    ));
    write(
        &one,
        "||the end||\n```\nlet x = 1;\n```\n> said\n- <b>one</b>",
    );
    two.wait(&format!("{NEWEST}.querySelector('pre code')?.textContent === 'let x = 1;' && {NEWEST}.querySelector('blockquote') && {NEWEST}.querySelector('li').textContent === '<b>one</b>'"));
    two.wait(&format!(
        "getComputedStyle({NEWEST}.querySelector('.spoiler-text')).visibility === 'hidden'"
    ));
    two.run(&format!("{NEWEST}.querySelector('.spoiler').click()"));
    two.wait(&format!(
        "getComputedStyle({NEWEST}.querySelector('.spoiler-text')).visibility === 'visible'"
    ));
}

#[test]
fn hidden_words_stay_hidden_in_lists_and_quotes() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    write(&one, "It was the ||gardener||, **surely**");
    sees(&two, "surely");
    two.run("history.back()");
    two.wait("document.querySelector('.flow-list .row-text')?.textContent.includes('It was the \u{2592}\u{2592}\u{2592}\u{2592}, surely')");
    open_flow(&two, "Family");
    swipe(&two, "surely");
    two.wait("document.querySelector('.composer-bar').textContent.includes('It was the \u{2592}\u{2592}\u{2592}\u{2592}, surely')");
    write(&two, "No");
    one.wait(&format!(
        "{}?.querySelector('.quote')?.textContent.includes('It was the \u{2592}\u{2592}\u{2592}\u{2592}, surely')",
        message("No")
    ));
}

#[test]
fn finger_let_go_over_the_menu_chooses_nothing() {
    let (server, browser) = (Server::start(), Browser::start());
    let (_one, two, ..) = family(&server, &browser);
    // One's own message has a tall menu, which finds no place above or below the middle.
    write(&two, &"Tall\n".repeat(22));
    two.wait(&format!(
        "{}?.querySelector('[class*=icon-check]')",
        message("Tall")
    ));
    two.settle();
    let at = two.run(&format!(
        "const box = {}.querySelector('.bubble').getBoundingClientRect(); return [box.left + 20, innerHeight / 2]",
        message("Tall")
    ));
    let touch = |kind: &str, points: Value| {
        two.devtools(
            "Input.dispatchTouchEvent",
            json!({"type": kind, "touchPoints": points}),
        );
    };
    two.run(
        "window.letGo = 0; document.addEventListener('click', () => { window.letGo += 1; }, true)",
    );
    touch("touchStart", json!([{"x": at[0], "y": at[1]}]));
    two.wait("document.querySelector('.menu')");
    let over = format!(
        "return Boolean(document.elementFromPoint({}, {}).closest('.menu'))",
        at[0], at[1]
    );
    assert_eq!(two.run(&over), true, "the menu lies elsewhere");
    touch("touchEnd", json!([]));
    two.wait("window.letGo > 0");
    two.wait("document.querySelector('.menu')");
    // The next touch does choose.
    two.click(".menu-item");
    two.wait("!document.querySelector('.menu') && !document.querySelector('.composer-bar').hidden");
}

#[test]
fn messages_are_passed_on() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, mut anna, _) = family(&server, &browser);
    let clara = server.register("clara");
    group(&mut anna, "Club", &[&clara]);
    open_menu(&one, "Sunday");
    take(&one, "Forward");
    one.fill("dialog input[type=search]", "nowhere");
    one.wait("document.querySelector('dialog .picker .hint')?.textContent === 'Nothing found for “nowhere”'");
    one.fill("dialog input[type=search]", "");
    // To oneself too, though nothing has been saved so far.
    one.wait("document.querySelectorAll('dialog .person').length === 3 && document.querySelector('dialog .person').textContent === 'Saved messages'");
    one.run("for (const row of document.querySelectorAll('dialog .person')) row.click()");
    one.click("dialog .button:not(.quiet)");
    two.wait(&format!("{NEWEST}.querySelector('.origin')?.textContent === 'Forwarded from anna' && {NEWEST}.textContent.includes('Sunday')"));
    for title in ["Club", "Saved messages"] {
        open_flow(&one, title);
        one.wait(&format!(
            "{NEWEST}.querySelector('.origin') && {NEWEST}.querySelector('[class*=icon-check]')"
        ));
    }
}

#[test]
fn polls_are_asked_and_counted() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    one.click(".attach");
    take(&one, "New poll");
    one.fill("dialog input[name=question]", "Pie or cake?");
    one.fill("dialog .poll-fields .field:nth-child(1) input", "Pie");
    one.fill("dialog .poll-fields .field:nth-child(2) input", "Cake");
    one.run("document.querySelector('dialog form').requestSubmit()");
    two.wait("document.querySelectorAll('.poll-option').length === 2");
    two.click(".poll-option");
    two.wait("document.querySelector('.poll-option').getAttribute('aria-pressed') === 'true'");
    one.wait("document.querySelector('.poll-total').textContent === '1 vote'");
    one.run("document.querySelectorAll('.poll-option')[1].click()");
    two.wait("document.querySelector('.poll-total').textContent === '2 votes'");
    two.click(".poll-total");
    two.wait("document.querySelectorAll('dialog .person').length === 2");
    two.run("history.back()");
    one.run(&format!("{NEWEST}.querySelector('.bubble').dispatchEvent(new MouseEvent('contextmenu', {{bubbles: true, cancelable: true, clientX: 400, clientY: 300}}))"));
    take(&one, "Close the poll");
    one.click("dialog .button:not(.quiet)");
    two.wait("document.querySelector('.poll-option').disabled && document.querySelector('.poll-kind').textContent.includes('closed')");
}

#[test]
fn several_are_passed_on_or_deleted_at_once() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, mut anna, flow) = family(&server, &browser);
    say(&mut anna, &flow, "And who brings a cake?");
    say(&mut anna, &flow, "And a ball?");
    one.wait(&message("a ball"));
    open_menu(&one, "Sunday");
    take(&one, "Select");
    one.wait("document.querySelector('.selection-count')?.textContent === '1 selected'");
    one.run(&format!(
        "{}.querySelector('.text').click()",
        message("a cake")
    ));
    one.wait("document.querySelectorAll('article.selected').length === 2");
    one.click(".selection .icon-button[aria-label=Forward]");
    one.wait("document.querySelector('dialog .person + .person')");
    one.click("dialog .person + .person");
    one.click("dialog .button:not(.quiet)");
    two.wait("document.querySelectorAll('article.message .origin').length === 2");
    one.wait("document.querySelector('.selection').hidden");
    // Back ends it, and does nothing else.
    open_menu(&one, "a ball");
    take(&one, "Select");
    one.wait("document.querySelector('article.selected')");
    one.run("history.back()");
    one.wait(
        "!document.querySelector('article.selected') && document.querySelector('.conversation')",
    );
    open_menu(&one, "a ball");
    take(&one, "Select");
    one.run(&format!(
        "{}.querySelector('.text').click()",
        message("a cake")
    ));
    one.click(".selection .icon-button[aria-label=Delete]");
    one.click("dialog .button.danger");
    two.wait("[...document.querySelectorAll('article.deleted')].length === 2");
}

#[test]
fn commands_of_bots_are_listed() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut admin = server.sign_in("admin");
    let mut helper = bot(&server, &mut admin, "helper", &["read", "write"]);
    let flow = admin.group("Family", &[&helper]);
    let commands = json!([
        {"name": "washing", "description": "How long the washing machine takes"},
        {"name": "door", "description": "Opens the door"},
    ]);
    ask(&mut helper, "set_commands", &json!({"commands": commands})).is(200);
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "admin");
    open_flow(&page, "Family");
    page.press(".composer-field", "/");
    page.wait("document.querySelectorAll('.completion .row').length === 2");
    page.wait("document.querySelector('.completion').textContent.includes('Opens the door')");
    page.press(".composer-field", "wa\u{e007}");
    page.wait("document.querySelector('.composer-field').value === '/washing ' && document.querySelector('.completion').hidden");
    page.press(".composer-field", "\u{e007}");
    page.wait(&format!("{NEWEST}?.textContent.includes('/washing')"));
    // It stands in the page before the server has it.
    until("the bot is asked", || {
        (helper.texts(&flow) == ["/washing"]).then_some(())
    });
}
