//! What one keeps for oneself of a conversation, and what everybody finds in it again: pins, readers, links.

use serde_json::json;

use super::answers::{family, open_menu, take};
use super::browser::{Browser, Screen};
use super::{group, say, sees, sign_in};
use crate::common::{Server, health::until, http};

#[test]
fn pins_stand_at_the_top() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, mut anna, flow) = family(&server, &browser);
    for number in 0..60 {
        say(&mut anna, &flow, &format!("hay {number}"));
    }
    sees(&two, "hay 59");
    two.run("location.hash = location.hash.replace(/$/, '/m/0')");
    two.wait("document.querySelector('article.message[data-number=\"0\"].lit')");
    open_menu(&two, "Sunday");
    take(&two, "Pin");
    one.wait(
        "document.querySelector('.pins:not([hidden])')?.textContent.includes('Who is coming')",
    );
    one.wait("[...document.querySelectorAll('.event-line')].some((line) => line.textContent === 'boris pinned a message')");
    one.click(".pin");
    one.wait("document.querySelector('article.message[data-number=\"0\"].lit')");
    open_menu(&one, "Sunday");
    take(&one, "Unpin");
    two.wait("document.querySelector('.pins').hidden");
}

#[test]
fn who_has_read_is_told() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, ..) = family(&server, &browser);
    two.run("document.querySelector('.timeline').focus()");
    one.run_async("await new Promise((next) => setTimeout(next, 800));");
    open_menu(&one, "Sunday");
    take(&one, "Info");
    one.wait("[...document.querySelectorAll('dialog .person')].some((row) => row.textContent.includes('boris'))");
}

#[test]
fn conversations_are_muted_pinned_archived_and_marked() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut boris = server.register("boris");
    let mut anna = server.register("anna");
    let family = group(&mut anna, "Family", &[&boris]);
    let club = group(&mut anna, "Club", &[&boris]);
    say(&mut anna, &family, "one");
    say(&mut anna, &club, "two");
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    let act = |title: &str, item: &str| {
        page.wait(&format!("[...document.querySelectorAll('a.row')].some((row) => row.querySelector('.row-title').textContent === {})", json!(title)));
        page.run(&format!(
            "[...document.querySelectorAll('a.row')].find((row) => row.querySelector('.row-title').textContent === {}).dispatchEvent(new MouseEvent('contextmenu', {{bubbles: true, cancelable: true, clientX: 100, clientY: 200}}))",
            json!(title)
        ));
        page.wait("document.querySelector('.menu-item')");
        take(&page, item);
    };
    page.wait("document.title === '(2) Morelia'");
    act("Family", "Pin to the top");
    page.wait("document.querySelector('a.row .row-title').textContent === 'Family' && document.querySelector('a.row .icon-pin')");
    act("Club", "Mute");
    page.wait("[...document.querySelectorAll('.menu-item')].some((one) => one.textContent === 'For an hour')");
    take(&page, "For an hour");
    page.wait("document.querySelector('a.row .icon-mute') && document.title === '(1) Morelia'");
    act("Club", "Archive");
    page.wait("document.querySelectorAll('a.row').length === 1");
    page.wait(
        "[...document.querySelectorAll('.filter')].some((one) => one.textContent === 'Archive')",
    );
    act("Family", "Mark as read");
    page.wait("!document.querySelector('a.row .badge')");
    act("Family", "Mark as unread");
    page.wait("document.querySelector('a.row .badge')");
    // On the server, not on the device.
    until("the mark is on the server", || {
        let rich = json!({"accept": ["rich"]});
        let answer = boris.ask_with_meta("all_flow", &json!({}), &rich);
        let settings = &answer.data()["meta"]["settings"];
        (settings[&family]["unread"] == true).then_some(())
    });
    page.reload();
    page.wait("document.documentElement.dataset.connection === 'ready'");
    page.wait("document.querySelectorAll('a.row').length === 1 && document.querySelector('a.row .icon-pin') && document.querySelector('a.row .badge')");
    page.run("[...document.querySelectorAll('.filter')].find((one) => one.textContent === 'Archive').click()");
    act("Club", "Unarchive");
    // With nothing archived there is nothing to sort out any more.
    page.wait("document.querySelectorAll('a.row').length === 2");
}

#[test]
fn group_can_be_heard_of_only_when_one_is_called() {
    let (server, browser) = (Server::start(), Browser::start());
    let (one, two, mut anna, flow) = family(&server, &browser);
    two.run("location.hash = location.hash.replace(/$/, '/info')");
    let switch = "[...document.querySelectorAll('.info .setting')].find((row) => row.textContent.includes('only about mentions'))?.querySelector('input')";
    two.wait(switch);
    two.run(&format!("{switch}.click()"));
    let own = browser.page(Screen::Desk, "ru-RU");
    sign_in(&own, &server, "boris");
    super::open_flow(&own, "Family");
    own.run("location.hash = location.hash.replace(/$/, '/info')");
    own.wait("[...document.querySelectorAll('.info .setting')].find((row) => row.textContent.includes('только об упоминаниях'))?.querySelector('input').checked");
    // Notifications as this page shows them: none for what does not call, one for what does.
    two.run_async(
        "Object.defineProperty(Notification, 'permission', {value: 'granted'});
         localStorage.setItem('morelia.notifications', 'on');
         document.hasFocus = () => false;
         window.shown = [];
         ServiceWorkerRegistration.prototype.showNotification = async (title, {body}) => { window.shown.push(body); };
         await navigator.serviceWorker.ready;",
    );
    say(&mut anna, &flow, "Nobody in particular");
    sees(&two, "Nobody in particular");
    let boris = two.run("return JSON.parse(localStorage.getItem('morelia.session')).uuid");
    let call = json!({"flow": [{"uuid": flow}], "message": [{"text": "You, @boris"}], "meta": {"about": {"mentions": [boris]}}});
    anna.ask("send_message", &call).is(200);
    two.wait("window.shown.length > 0");
    assert_eq!(two.run("return window.shown"), json!(["anna: You, @boris"]));
    one.wait("document.querySelectorAll('article.message').length === 3");
}

#[test]
fn link_to_a_message_opens_it() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    server.register("clara");
    let mut anna = server.register("anna");
    let family = group(&mut anna, "Family", &[&boris]);
    let wanted = anna.send(&family, "The needle");
    say(&mut anna, &family, "hay");
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    page.run(&format!("location.hash = '#/m/{wanted}'"));
    page.wait("document.querySelector('article.message[data-number=\"0\"].lit')");
    // To others it is as if it had never been.
    let two = browser.page(Screen::Desk, "ru-RU");
    sign_in(&two, &server, "clara");
    two.run(&format!("location.hash = '#/m/{wanted}'"));
    two.wait("document.querySelector('.toast')?.textContent === 'Этого сообщения больше нет, или оно вам недоступно.'");
}

#[test]
fn an_owner_makes_addresses_for_programs() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut anna = server.register("anna");
    let boris = server.register("boris");
    let flow = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &flow, "hello");
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    page.run(&format!("location.hash = '#/f/{flow}/info'"));
    page.click(".hooks-of");
    page.wait("document.querySelector('.hooks .hint')?.textContent === 'None yet.'");
    page.click(".hook-make");
    page.fill("dialog input[name=name]", "Washing machine");
    page.run("document.querySelector('dialog:last-of-type form').requestSubmit()");
    page.wait("document.querySelector('.qr') && document.querySelector('.link-box')?.value.includes('/hook/tk_')");
    let line = page.run("return document.querySelector('.curl').value");
    let line = line.as_str().expect("a line");
    let path = page.run("return new URL(document.querySelector('.link-box').value).pathname");
    let path = path.as_str().expect("a path");
    assert!(
        line.starts_with("curl -d \"It works\" http") && line.ends_with(path),
        "{line}"
    );
    http::send(&server, "POST", path, "", b"It works").is(200);
    page.run("[...document.querySelectorAll('dialog')].at(-1).close()");
    sees(&page, "It works");
    page.run("[...document.querySelectorAll('dialog')].forEach((one) => one.close())");
    page.wait("!document.querySelector('dialog')");
    page.click(".hooks-of");
    page.wait("document.querySelector('.hooks .row')?.textContent.includes('1 message, last on')");
    page.click(".hooks .row .button:not(.hook-edit)");
    page.wait("[...document.querySelectorAll('dialog')].at(-1).querySelector('.button.danger')");
    page.run(
        "[...document.querySelectorAll('dialog')].at(-1).querySelector('.button.danger').click()",
    );
    page.wait("document.querySelector('.hooks .hint')?.textContent === 'None yet.'");
    http::send(&server, "POST", path, "", b"again").is(404);
    // Who owns nothing there is offered nothing.
    let two = browser.page(Screen::Phone, "en-GB");
    sign_in(&two, &server, "boris");
    two.run(&format!("location.hash = '#/f/{flow}/info'"));
    two.wait("document.querySelector('.info .hero') && !document.querySelector('.hooks-of')");
}
