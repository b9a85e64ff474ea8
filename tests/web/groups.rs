//! What happens in groups besides messages: who comes and goes, who may what, who is asked first.

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::{group, open_flow, say, sees, sign_in, write};
use crate::common::Server;

/// Waits until a line between the messages says this.
fn line(page: &Page, text: &str) {
    page.wait(&format!(
        "[...document.querySelectorAll('.event-line')].some((line) => line.textContent === {})",
        json!(text)
    ));
}

/// Opens the menu of a member in the panel and takes the item of this name.
fn act_on_member(page: &Page, name: &str, item: &str) {
    page.wait(&format!(
        "[...document.querySelectorAll('.info button.person')].some((row) => row.textContent.includes({}))",
        json!(name)
    ));
    page.run(&format!(
        "[...document.querySelectorAll('.info button.person')].find((row) => row.textContent.includes({})).click();
         [...document.querySelectorAll('.menu-item')].find((one) => one.textContent === {}).click();",
        json!(name),
        json!(item)
    ));
}

#[test]
fn what_happens_stands_between_the_messages() {
    let (mut server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let clara = server.register("clara");
    let mut anna = server.register("anna");
    let family = group(&mut anna, "Family", &[&boris]);
    say(&mut anna, &family, "Before");
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    open_flow(&page, "Family");
    line(&page, "anna created the group");
    // Live.
    let add =
        json!({"flow": [{"uuid": family, "title": "All of us"}], "meta": {"add": [clara.id]}});
    anna.ask("edit_flow", &add).is(200);
    line(&page, "anna added clara");
    line(&page, "anna changed the name to “All of us”");
    // While this device was away.
    server.kill();
    page.wait("document.documentElement.dataset.connection !== 'ready'");
    server.serve();
    let mut anna = server.sign_in("anna");
    let levels = json!({"flow": [{"uuid": family}], "meta": {"levels": {&boris.id: 50}}});
    anna.ask("edit_flow", &levels).is(200);
    say(&mut anna, &family, "After");
    sees(&page, "After");
    line(&page, "You are now a moderator");
    let order = page.run(
        "return [...document.querySelectorAll('.event-line, article.message .text')].map((one) => one.firstChild.textContent)",
    );
    let order: Vec<_> = order.as_array().expect("a list").iter().collect();
    let place = |text: &str| order.iter().position(|one| **one == json!(text));
    assert!(place("Before") < place("anna added clara"), "{order:?}");
    assert!(
        place("You are now a moderator") < place("After"),
        "{order:?}"
    );
    // In the other language, as a native says it; and after a reload.
    page.run("localStorage.setItem('morelia.language', 'ru')");
    page.reload();
    line(&page, "anna изменил(а) название на «All of us»");
    line(&page, "Вы теперь модератор");
}

#[test]
fn moderators_are_made_and_remove_people() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let clara = server.register("clara");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris, &clara]);
    let one = browser.page(Screen::Desk, "en-GB");
    let two = browser.page(Screen::Phone, "en-GB");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    one.wait("document.querySelector('.head-status').textContent.startsWith('3 members, ')");
    one.click(".head-title");
    act_on_member(&one, "boris", "Make moderator");
    one.wait("[...document.querySelectorAll('.info .person')].some((row) => row.textContent.includes('Moderator'))");
    line(&two, "You are now a moderator");
    two.click(".head-title");
    act_on_member(&two, "clara", "Remove");
    two.wait("document.querySelector('dialog .button.danger').textContent === 'Remove'");
    two.click("dialog .button.danger");
    line(&one, "boris removed clara");
    one.wait("document.querySelector('.info .hero .hint').textContent === '2 members'");
    act_on_member(&one, "boris", "Dismiss as moderator");
    line(&two, "You are no longer a moderator");
    two.wait("![...document.querySelectorAll('.info .action')].some((row) => row.textContent === 'Add people')");
}

#[test]
fn who_comes_is_counted_at_once_and_who_goes_is_told() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let clara = server.register("clara");
    let mut anna = server.register("anna");
    let family = group(&mut anna, "Family", &[&boris]);
    let one = browser.page(Screen::Desk, "en-GB");
    let two = browser.page(Screen::Phone, "en-GB");
    sign_in(&one, &server, "boris");
    sign_in(&two, &server, "clara");
    open_flow(&one, "Family");
    let change = json!({"flow": [{"uuid": family}], "meta": {"add": [clara.id]}});
    anna.ask("edit_flow", &change).is(200);
    one.wait("document.querySelector('.head-status').textContent === '3 members, 2 online'");
    // Who is looking at it while she is taken out of it is told why it goes.
    open_flow(&two, "Family");
    let change = json!({"flow": [{"uuid": family}], "meta": {"remove": [clara.id]}});
    anna.ask("edit_flow", &change).is(200);
    two.wait("[...document.querySelectorAll('.toast')].some((one) => one.textContent.includes('You are no longer in “Family”')) && !document.querySelector('.conversation')");
}

#[test]
fn large_groups_are_read_by_pages() {
    let (server, browser) = (Server::start(), Browser::start());
    let others: Vec<_> = (0..104)
        .map(|number| server.register(&format!("guest{number:03}")))
        .collect();
    let mut anna = server.register("anna");
    group(&mut anna, "Village", &others.iter().collect::<Vec<_>>());
    let page = browser.page(Screen::Desk, "en-GB");
    sign_in(&page, &server, "anna");
    open_flow(&page, "Village");
    page.wait("document.querySelector('.head-status').textContent.startsWith('105 members')");
    page.click(".head-title");
    page.wait("document.querySelectorAll('.info .person').length === 100");
    page.run("[...document.querySelectorAll('.info .action')].find((row) => row.textContent === 'Show more').click()");
    page.wait("document.querySelectorAll('.info .person').length === 105");
    page.fill(".members-search input", "guest07");
    page.wait("document.querySelectorAll('.info .person').length === 10");
}

#[test]
fn who_asks_to_be_asked_accepts_or_declines() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    page.run("location.hash = '#/settings/privacy'");
    page.wait("document.querySelectorAll('.row.setting input').length >= 3");
    page.run("document.querySelectorAll('.row.setting input')[2].click()");
    page.wait("document.querySelectorAll('.row.setting input')[2].checked");
    page.run("location.hash = '#/'");
    let family = group(&mut anna, "Family", &[&boris]);
    let club = group(&mut anna, "Club", &[&boris]);
    say(&mut anna, &family, "Welcome");
    page.wait("document.querySelectorAll('.row.invited').length === 2");
    page.wait("document.querySelector('.row.invited').textContent.includes('anna invites you')");
    page.click("[aria-label='Decline Club']");
    page.wait("document.querySelectorAll('.row.invited').length === 1");
    page.click("[aria-label='Join Family']");
    page.wait("document.querySelector('.conversation')");
    sees(&page, "Welcome");
    line(&page, "You joined");
    // Taken back: it goes as it came.
    page.run("location.hash = '#/'");
    let again = json!({"flow": [{"uuid": club}], "meta": {"add": [boris.id]}});
    anna.ask("edit_flow", &again).is(200);
    page.wait("document.querySelectorAll('.row.invited').length === 1");
    let back = json!({"flow": [{"uuid": club}], "meta": {"remove": [boris.id]}});
    anna.ask("edit_flow", &back).is(200);
    page.wait("document.querySelectorAll('.row.invited').length === 0");
}

#[test]
fn blocking_closes_the_chat_and_folds_the_group() {
    let (server, browser) = (Server::start(), Browser::start());
    let mut boris = server.register("boris");
    let mut anna = server.register("anna");
    let family = group(&mut anna, "Family", &[&boris]);
    say(&mut boris, &family, "You again");
    anna.add_flow("chat", "", &[&boris]);
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "anna");
    open_flow(&page, "boris");
    page.click(".head-title");
    page.wait("document.querySelector('.info')");
    page.run("[...document.querySelectorAll('.info .action')].find((row) => row.textContent === 'Block').click()");
    page.click("dialog .button.danger");
    page.wait("[...document.querySelectorAll('.info .action')].some((row) => row.textContent === 'Unblock')");
    page.run("history.back()");
    page.wait("document.querySelector('.read-only')?.textContent.includes('You blocked') && !document.querySelector('.composer')");
    page.run("location.hash = '#/'");
    open_flow(&page, "Family");
    page.wait("document.querySelector('article.folded') && !document.querySelector('.timeline').textContent.includes('You again')");
    page.run("location.hash = '#/'");
    open_flow(&page, "boris");
    page.click(".read-only .link");
    page.wait("document.querySelector('.composer')");
}

#[test]
fn saved_messages_are_ones_own() {
    let (server, browser) = (Server::start(), Browser::start());
    server.register("anna");
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "anna");
    page.run("location.hash = '#/settings'");
    page.wait("document.querySelector('.action')");
    page.run("[...document.querySelectorAll('.action')].find((row) => row.textContent === 'Saved messages').click()");
    page.wait("document.querySelector('.head-name')?.textContent === 'Saved messages'");
    write(&page, "The code of the gate is 4711");
    sees(&page, "4711");
    page.click(".head-title");
    page.wait("document.querySelector('.info') && !document.querySelector('.info .danger, .info .person')");
}

#[test]
fn link_into_a_group_brings_somebody_in() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    server.register("clara");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let one = browser.page(Screen::Phone, "en-GB");
    sign_in(&one, &server, "anna");
    open_flow(&one, "Family");
    one.click(".head-title");
    one.wait("document.querySelector('.info')");
    one.run("[...document.querySelectorAll('.info .action')].find((row) => row.textContent === 'Invite by link').click()");
    one.wait(
        "document.querySelector('dialog svg.qr path') && document.querySelector('.link-box').value",
    );
    let link = one.run("return new URL(document.querySelector('.link-box').value).pathname");
    let two = browser.page(Screen::Desk, "en-GB");
    sign_in(&two, &server, "clara");
    two.open(&server, link.as_str().expect("a path"));
    two.click("dialog .button:not(.quiet)");
    two.wait("document.querySelector('.head-name')?.textContent === 'Family'");
    line(&two, "You joined");
}

#[test]
fn picture_of_a_group_and_its_rules_are_seen_by_all() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    group(&mut anna, "Family", &[&boris]);
    let one = browser.page(Screen::Desk, "en-GB");
    let two = browser.page(Screen::Phone, "en-GB");
    sign_in(&one, &server, "anna");
    sign_in(&two, &server, "boris");
    open_flow(&one, "Family");
    open_flow(&two, "Family");
    one.click(".head-title");
    one.click(".info .hero .button");
    one.run_async(
        "const canvas = document.createElement('canvas');
         canvas.width = 640; canvas.height = 480;
         const context = canvas.getContext('2d');
         context.fillStyle = '#a52'; context.fillRect(0, 0, 640, 480);
         const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
         const data = new DataTransfer();
         data.items.add(new File([blob], 'us.png', {type: 'image/png'}));
         const field = document.querySelector('dialog input[type=file]');
         field.files = data.files;
         field.dispatchEvent(new Event('change'));",
    );
    one.wait("document.querySelector('dialog canvas')");
    one.run("document.querySelector('form.crop').requestSubmit()");
    one.wait("document.querySelector('dialog .avatar img')");
    one.run("document.querySelector('dialog form').requestSubmit()");
    two.wait("document.querySelector('.conversation-head .avatar img')?.naturalWidth === 320");
    line(&two, "anna changed the picture");
    one.wait("!document.querySelector('dialog')");
    one.run("const choice = document.querySelector('.info select'); choice.value = '86400'; choice.dispatchEvent(new Event('change'))");
    line(&two, "anna made new messages disappear after 1 day");
    line(&one, "You made new messages disappear after 1 day");
}
