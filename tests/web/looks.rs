//! The views with something in them, and their pictures for the documentation.

use serde_json::json;

use super::browser::{Browser, Page, Screen};
use super::{group, open_flow, say, sign_in};
use crate::common::{Person, Server};

/// The views that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    SignIn,
    SignUp,
    Flows,
    Conversation,
    Menu,
    Info,
    Settings,
    Profile,
    NewChat,
    NewGroup,
    Search,
    Privacy,
    Devices,
    Administration,
    People,
    Check,
    Audit,
}

pub(crate) const VIEWS: [View; 17] = [
    View::SignIn,
    View::SignUp,
    View::Flows,
    View::Conversation,
    View::Menu,
    View::Info,
    View::Settings,
    View::Profile,
    View::NewChat,
    View::NewGroup,
    View::Search,
    View::Privacy,
    View::Devices,
    View::Administration,
    View::People,
    View::Check,
    View::Audit,
];

/// The picture that is sent: an evening at a lake, drawn for these tests.
const LAKE: &str = include_str!("lake.jpg.base64");

/// Fills a server with people who have something to say to each other.
pub(crate) fn furnish(server: &Server) {
    let mut people =
        ["anna", "boris", "clara", "grandma", "fred"].map(|login| server.register(login));
    let names = [
        "Anna Petrova",
        "Борис Иванов",
        "Clara Oswald",
        "Grandma ❤",
        "פרד לוי",
    ];
    for (person, name) in people.iter_mut().zip(names) {
        let profile = json!({"user": [{"username": name, "bio": "Likes long walks"}]});
        person.ask("edit_user", &profile).is(200);
    }
    server
        .command(["user", "set", "anna", "--admin", "on"])
        .run()
        .exits(0);
    let [anna, boris, clara, grandma, fred] = &mut people;
    let club = group(anna, "Book club", &[fred, clara]);
    say(fred, &club, "Chapter four by Friday?");
    let news = json!({"type": "channel", "title": "Village news", "users": [anna.id, clara.id]});
    let channel = made(boris, &news);
    say(
        boris,
        &channel,
        "The road to the lake is closed until Thursday.",
    );
    let chat = made(
        boris,
        &json!({"type": "chat", "users": [anna.id, boris.id]}),
    );
    say(boris, &chat, "Позвони вечером, расскажу про рыбалку");
    let family = group(anna, "Family", &[boris, clara, grandma]);
    say(
        grandma,
        &family,
        "Who is coming on Sunday? I will bake a pie.",
    );
    say(clara, &family, "Me! Can I bring Fred?");
    say(grandma, &family, "Of course, dear");
    say(grandma, &family, "He likes apples, doesn’t he?");
    say(anna, &family, "We all do :)");
    say(
        boris,
        &family,
        "Я приеду в субботу вечером, если дорогу не занесёт. Привезу рыбу и мёд. Вот озеро: https://en.wikipedia.org/wiki/Lake_Ladoga",
    );
    send(boris, &family, &json!({"file_picture": LAKE.trim()}));
    let lake = anna.ask(
        "all_messages",
        &json!({"flow": [{"uuid": family, "message_start": 6, "message_end": 6}]}),
    );
    let lake = lake.is(200).messages()[0]["uuid"].clone();
    let answer = json!({
        "flow": [{"uuid": family}], "message": [{"text": "What a **lake**, @boris!"}],
        "meta": {"about": {"reply": {"uuid": lake}, "format": 1, "mentions": [boris.id]}},
    });
    anna.ask("send_message", &answer).is(200);
    for (person, sign) in [
        (&mut *anna, "👍"),
        (&mut *clara, "👍"),
        (&mut *grandma, "❤"),
    ] {
        let react = json!({"message": [{"uuid": lake}], "meta": {"reaction": sign, "on": true}});
        person.ask("react", &react).is(200);
    }
    let recipe = "JVBERi0xLjQKJSBub3QgbXVjaCBvZiBhIHJlY2lwZQ==";
    send(
        clara,
        &family,
        &json!({"text": "recipe.pdf", "file_document": recipe}),
    );
    say(
        anna,
        &family,
        "Thank you, printed it. See you all on Sunday at noon, I’ll open the gate at half past eleven. Park behind the barn please.",
    );
    say(anna, &family, "🎉🥧");
    say(grandma, &family, "Lunch at 12:30 then.");
    let read = json!({"flow": [{"uuid": family, "message_end": 11}]});
    anna.ask("read_flow", &read).is(200);
    say(clara, &family, "Perfect, we leave at ten");
}

fn made(owner: &mut Person, flow: &serde_json::Value) -> String {
    let reply = owner.ask("add_flow", &json!({"flow": [flow]})).is(200);
    reply.flows()[0]["uuid"].as_str().expect("an id").to_owned()
}

fn send(person: &mut Person, flow: &str, message: &serde_json::Value) {
    let data = json!({"flow": [{"uuid": flow}], "message": [message]});
    person.ask("send_message", &data).is(200);
}

/// Brings a page to a view; the views before signing in come first.
pub(crate) fn show(page: &Page, server: &Server, theme: &str, view: View) {
    if matches!(view, View::SignIn | View::SignUp) {
        let path = if view == View::SignUp {
            "/invite/K7QF-2M9X"
        } else {
            "/"
        };
        page.open(server, path);
        page.run(&format!(
            "localStorage.setItem('morelia.theme', {})",
            json!(theme)
        ));
        page.reload();
        page.wait("document.querySelector('.sign-form')");
        return;
    }
    if page.run("return localStorage.getItem('morelia.session') === null") == true {
        sign_in(page, server, "anna");
    }
    page.run("document.querySelector('.menu')?.finish()");
    page.run("location.hash = '#/'");
    page.wait("document.querySelectorAll('.flow-list a.row time').length >= 4 && !document.querySelector('.conversation')");
    let go = |hash: &str, condition: &str| {
        page.run(&format!("location.hash = {}", json!(hash)));
        page.wait(condition);
    };
    match view {
        View::SignIn | View::SignUp | View::Flows => {}
        View::Conversation => conversation(page),
        View::Menu => {
            conversation(page);
            page.run("[...document.querySelectorAll('article.own .bubble')].at(-2).dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true, clientX: innerWidth - 260, clientY: 320}))");
            page.wait("document.querySelector('.menu')");
        }
        View::Info => {
            conversation(page);
            page.click(".head-title");
            page.wait("document.querySelectorAll('.info .person').length === 4");
        }
        View::Settings => go("#/settings", "document.querySelector('.setting')"),
        View::Profile => go("#/settings/profile", "document.querySelector('.page-form')"),
        View::Privacy => go(
            "#/settings/privacy",
            "document.querySelectorAll('.row.setting input').length >= 3",
        ),
        View::Devices => go("#/settings/devices", "document.querySelector('.device')"),
        View::Administration => go(
            "#/admin",
            "document.querySelector('.facts') && document.querySelector('.row.setting select')",
        ),
        View::People => go(
            "#/admin/people",
            "document.querySelectorAll('.person').length >= 5",
        ),
        View::Check => go(
            "#/admin/check",
            "document.querySelector('.check-ok, [role=alert]')",
        ),
        View::Audit => go("#/admin/audit", "document.querySelector('.audit')"),
        View::NewChat => go("#/new", "document.querySelectorAll('.person').length >= 4"),
        View::NewGroup => {
            go(
                "#/new/group",
                "document.querySelectorAll('.person').length >= 4",
            );
            page.fill("input[name=title]", "Sunday");
            page.run("for (const at of [1, 2]) document.querySelectorAll('.person')[at].click()");
            page.wait("document.querySelectorAll('.chip').length === 2");
        }
        View::Search => {
            go("#/search", "document.querySelector('.search-box input')");
            page.fill(".search-box input", "lake");
            page.wait("document.querySelectorAll('.hit').length >= 2");
        }
    }
}

fn conversation(page: &Page) {
    open_flow(page, "Family");
    page.wait("document.querySelectorAll('article.message').length === 13 && document.querySelector('.picture img').naturalWidth > 0");
    page.run("const timeline = document.querySelector('.timeline'); timeline.scrollTop = timeline.scrollHeight");
}

#[test]
fn views_fit_and_can_be_photographed() {
    let folder = std::env::var_os("MORELIA_SCREENSHOTS").map(std::path::PathBuf::from);
    let (server, browser) = (Server::start(), Browser::start());
    furnish(&server);
    for (screen, theme) in [
        (Screen::Desk, "light"),
        (Screen::Desk, "dark"),
        (Screen::Phone, "light"),
        (Screen::Phone, "dark"),
    ] {
        let page = browser.page(screen, "en-GB");
        for view in VIEWS {
            show(&page, &server, theme, view);
            page.settle();
            let picture = page.screenshot();
            assert!(picture.starts_with(b"\x89PNG"), "{view:?}");
            let fits = page.run("return document.documentElement.scrollWidth <= innerWidth");
            assert_eq!(fits, true, "{view:?} is wider than a {screen:?}");
            let shown = [
                View::SignIn,
                View::Flows,
                View::Conversation,
                View::Settings,
            ];
            if let Some(folder) = folder.as_ref().filter(|_| shown.contains(&view)) {
                std::fs::create_dir_all(folder).expect("a folder");
                let name = format!("{}-{theme}-{view:?}.png", screen.name()).to_lowercase();
                std::fs::write(folder.join(name), picture).expect("a picture");
            }
        }
    }
}
