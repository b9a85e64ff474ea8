//! Everybody can use it: axe-core on every view, the keyboard alone, large letters.

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::looks::{self, VIEWS};
use crate::common::Server;

/// Fails where axe-core finds something.
#[track_caller]
pub(super) fn passes(page: &Page) {
    let found = violations(page);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Runs axe-core with the rules of WCAG 2.2 A and AA, and gives what it found, in short.
fn violations(page: &Page) -> Vec<String> {
    if page.run("return typeof axe") != "object" {
        page.run(concat!(
            include_str!("axe.min.js"),
            "\nwindow.axe = window.axe ?? axe;"
        ));
    }
    page.settle();
    let found = page.run_async(
        "const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
         const found = await axe.run(document, {runOnly: {type: 'tag', values}, resultTypes: ['violations']});
         if (found.passes.length < 5) throw new Error('axe looked at nothing');
         return found.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | ')}`);",
    );
    let found = found.as_array().expect("a list");
    found
        .iter()
        .map(|one| one.as_str().unwrap_or_default().to_owned())
        .collect()
}

fn every_view_passes(screen: Screen, theme: &str) {
    let (server, browser) = (Server::start(), Browser::start());
    looks::furnish(&server);
    let page = browser.page(screen, "en-GB");
    let mut failed = Vec::new();
    for view in VIEWS {
        looks::show(&page, &server, theme, view);
        for violation in violations(&page) {
            failed.push(format!("{view:?}: {violation}"));
        }
    }
    assert!(
        failed.is_empty(),
        "{screen:?} {theme}\n{}",
        failed.join("\n")
    );
}

#[test]
fn views_pass_axe_on_a_desk_in_light() {
    every_view_passes(Screen::Desk, "light");
}

#[test]
fn views_pass_axe_on_a_desk_in_dark() {
    every_view_passes(Screen::Desk, "dark");
}

#[test]
fn views_pass_axe_on_a_phone_in_light() {
    every_view_passes(Screen::Phone, "light");
}

#[test]
fn views_pass_axe_on_a_phone_in_dark() {
    every_view_passes(Screen::Phone, "dark");
}

#[test]
fn keyboard_alone_is_enough() {
    let (server, browser) = (Server::start(), Browser::start());
    looks::furnish(&server);
    let page = browser.page(Screen::Desk, "en-GB");
    super::sign_in(&page, &server, "anna");
    page.wait("document.querySelectorAll('a.row').length > 2");
    // From the top of the page, Tab reaches the list; Enter opens.
    page.run("document.querySelector('.me').focus()");
    let focused = |selector: &str| {
        page.wait(&format!(
            "document.activeElement.matches({})",
            json!(selector)
        ));
    };
    page.press(".me", "\u{e004}");
    focused(".search-pill");
    page.press(".search-pill", "\u{e004}");
    focused("a.row");
    page.press("a.row", "\u{e007}");
    page.wait("document.querySelector('article.message')");
    focused(".composer-field");
    // In the messages, the arrows walk, Enter opens the menu, Escape leaves.
    page.run("document.querySelector('.timeline').focus()");
    page.press(".timeline", "\u{e013}");
    focused("article.message");
    page.press("article.message:focus", "\u{e007}");
    focused(".menu-item");
    page.press(".menu-item:focus", "\u{e00c}");
    focused("article.message");
    page.press("article.message:focus", "\u{e00c}");
    page.wait("!document.querySelector('.conversation')");
}

#[test]
fn nothing_is_cut_off_at_twice_the_size() {
    let (server, browser) = (Server::start(), Browser::start());
    looks::furnish(&server);
    let page = browser.page(Screen::Phone, "ru-RU");
    for view in VIEWS {
        looks::show(&page, &server, "light", view);
        page.run("document.documentElement.style.fontSize = '200%'");
        page.settle();
        let wide = page.run(
            "return [...document.querySelectorAll('button, a, input, textarea, h1, h2')].filter((one) => {
               const box = one.getBoundingClientRect();
               return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1);
             }).map((one) => one.outerHTML.slice(0, 120))",
        );
        assert_eq!(wide, json!([]), "{view:?}");
        page.run("document.documentElement.style.fontSize = ''");
    }
}
