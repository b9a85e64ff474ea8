//! What programs say by hooks, as people see it.

use super::browser::{Browser, Screen};
use super::{NEWEST, group, open_flow, sees, sign_in};
use crate::common::{Server, http};
use crate::hooks::hook;

#[test]
fn programs_speak_under_the_names_of_their_hooks() {
    let (server, browser) = (Server::start(), Browser::start());
    let boris = server.register("boris");
    let mut anna = server.register("anna");
    let flow = group(&mut anna, "Family", &[&boris]);
    let hooks = ["Washing machine", "Door"].map(|name| hook(&mut anna, &flow, name));
    let page = browser.page(Screen::Phone, "en-GB");
    sign_in(&page, &server, "boris");
    open_flow(&page, "Family");
    let post = |secret: &str, text: &str| {
        let path = format!("/hook/{secret}");
        http::send(&server, "POST", &path, "", text.as_bytes()).is(200);
        sees(&page, text);
    };
    let author = |name: &str| {
        page.wait(&format!("{NEWEST}.classList.contains('first') && {NEWEST}.querySelector('.author').textContent === '{name}'"));
    };
    post(&hooks[0], "The laundry is done");
    author("Washing machine");
    // Another program is another voice, though one bot writes for both.
    post(&hooks[1], "Somebody rings");
    author("Door");
    page.run("location.hash = '#/'");
    page.wait("document.querySelector('a.row .row-author')?.textContent.startsWith('Door')");
    // And so after a reload, from the server and from the copy of the last visit.
    page.reload();
    page.wait("document.querySelector('a.row .row-author')?.textContent.startsWith('Door')");
}
