//! Notifications of a closed client, in a real browser: the worker is handed what the server encrypted for
//! it, and shows it. Only the browser's own push service is played: it needs the internet.

use serde_json::{Value, json};

use super::browser::{Browser, Page, Screen};
use super::devtools::Devtools;
use super::sign_in;
use crate::common::port::free_port;
use crate::common::push_service::PushService;
use crate::common::{Person, Server};

/// A person's device whose browser takes notifications.
struct Device<'a> {
    page: Page<'a>,
    tools: Devtools,
    worker: Devtools,
    registration: String,
    origin: String,
}

impl<'a> Device<'a> {
    #[track_caller]
    fn new(browser: &'a Browser, server: &Server, login: &str, language: &str) -> Self {
        let page = browser.page(Screen::Phone, language);
        sign_in(&page, server, login);
        page.run_async("await navigator.serviceWorker.ready;");
        let origin = format!("http://{}", server.address());
        let mut tools = Devtools::to(&page, "page");
        let permitted = json!({"origin": origin, "permissions": ["notifications"]});
        tools.call("Browser.grantPermissions", &permitted);
        tools.call("ServiceWorker.enable", &json!({}));
        let registration = tools.event("ServiceWorker.workerRegistrationUpdated", |params| {
            let all = params["registrations"].as_array()?;
            all.first()?["registrationId"].as_str().map(str::to_owned)
        });
        let mut worker = Devtools::to(&page, "service_worker");
        worker.run(
            "self.shown = [];
             const show = registration.showNotification.bind(registration);
             registration.showNotification = async (title, options) => {
               await show(title, options);
               self.shown.push([title, options.body, options.tag]);
             };",
        );
        Self {
            page,
            tools,
            worker,
            registration,
            origin,
        }
    }

    /// Has the browser take a push service's message.
    #[track_caller]
    fn deliver(&mut self, data: &str) {
        let params =
            json!({"origin": self.origin, "registrationId": self.registration, "data": data});
        self.tools.call("ServiceWorker.deliverPushMessage", &params);
    }

    /// Waits until the worker has shown something for the `count`th time, and returns title, text, tag.
    ///
    /// This does not ask what is on the screen: Chromium forgets a notification that somebody asks for
    /// between its being written down and its being shown.
    #[track_caller]
    fn shows(&mut self, count: usize) -> Value {
        self.worker.run(&format!(
            "const end = Date.now() + 20000;
             while (self.shown.length < {count} && Date.now() < end) await new Promise((next) => setTimeout(next, 50));
             if (self.shown.length !== {count}) throw new Error(`${{self.shown.length}} were shown`);
             return self.shown.at(-1);"
        ))
    }

    /// Waits until nothing is on the screen.
    #[track_caller]
    fn shows_nothing(&self) {
        assert_eq!(self.on_screen("all.length === 0"), json!([]));
    }

    /// Waits until a condition on the list `all` of what is on the screen holds, and returns titles, texts, tags.
    #[track_caller]
    fn on_screen(&self, condition: &str) -> Value {
        self.page.run_async(&format!(
            "const end = Date.now() + 20000;
             for (;;) {{
               const worker = await navigator.serviceWorker.getRegistration();
               const all = await worker.getNotifications();
               if (({condition}) || Date.now() > end) return all.map((one) => [one.title, one.body, one.tag]);
               await new Promise((next) => setTimeout(next, 50));
             }}"
        ))
    }

    /// Switches notifications on, with a push service that is the tests'.
    #[track_caller]
    fn switch_on(&self, service: &PushService, path: &str) {
        self.play(service, path);
        self.page.run("location.hash = '#/settings'");
        self.page
            .wait("document.querySelector('.push-hint')?.closest('label').querySelector('input')");
        self.page.run(
            "document.querySelector('.push-hint').closest('label').querySelector('input').click()",
        );
    }

    /// Puts a push service of the tests in the place of the browser's.
    fn play(&self, service: &PushService, path: &str) {
        let made = &service.subscription(path)["meta"];
        self.page.run(&format!(
            "const made = {made};
             let present = null;
             PushManager.prototype.getSubscription = async () => present;
             PushManager.prototype.subscribe = async (wish) => {{
               if (!wish.userVisibleOnly || wish.applicationServerKey.length !== 65) throw new TypeError('wish');
               present = {{
                 options: wish,
                 toJSON: () => ({{endpoint: made.endpoint, keys: {{p256dh: made.p256dh, auth: made.auth}}}}),
                 unsubscribe: async () => {{ present = null; return true; }},
               }};
               return present;
             }};"
        ));
    }
}

fn server(service: &PushService) -> Server {
    Server::with(&[("outbound.allow_private", &service.address())])
}

/// What has the worker take the client's window for one that somebody looks at, or not: a browser without
/// a screen has its own idea of that.
fn looks(is_looked_at: bool) -> String {
    format!(
        "Object.defineProperty(WindowClient.prototype, 'focused', {{get: () => {is_looked_at}}});"
    )
}

fn rich(person: &mut Person, method: &str, data: &Value) {
    person
        .ask_with_meta(method, data, &json!({"accept": ["rich"]}))
        .is(200);
}

#[test]
fn what_the_server_encrypts_is_shown_as_was_chosen() {
    let service = PushService::start();
    let server = server(&service);
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("chat", "", &[&boris]);
    let browser = Browser::start();
    let mut device = Device::new(&browser, &server, "boris", "en-GB");
    device.switch_on(&service, "/ok/boris");
    // The button's own test, as it comes back from the service.
    let test = service.read(&service.next());
    device.deliver(&test.to_string());
    assert_eq!(
        device.shows(1),
        json!(["Morelia", "Notifications work", "morelia"])
    );
    device.page.wait(
        "document.querySelector('.toast')?.textContent === 'A test notification is on its way'",
    );
    device
        .page
        .wait("!document.querySelector('.push-test').hidden");
    device.page.click(".push-test");
    assert_eq!(service.read(&service.next()), test);
    device.page.run_async(
        "for (const one of await (await navigator.serviceWorker.getRegistration()).getNotifications()) one.close();",
    );
    // From here on the client is closed, and the browser is not.
    device.page.visit("about:blank").expect("nothing");
    device
        .page
        .visit(&format!("{}/version", device.origin))
        .expect("a page without the client");
    let (mut anna, mut boris) = (server.sign_in("anna"), server.sign_in("boris"));
    for (nth, content, title, body) in [
        (2, "names", "anna", "New message"),
        (3, "full", "anna and 1 more", "the cake is ready"),
        (4, "none", "Morelia and 2 more", "New message"),
    ] {
        let choice = json!({"meta": {"push_content": content}});
        rich(&mut boris, "edit_user", &choice);
        anna.send(&flow, "the cake is ready");
        let notice = service.read(&service.next());
        device.deliver(&notice.to_string());
        let wanted = json!([title, body, flow]);
        assert_eq!(device.shows(nth), wanted, "{content}: {notice}");
    }
    // Whatever comes, something is shown.
    device.deliver("no JSON");
    assert_eq!(
        device.shows(5),
        json!(["Morelia", "New message", "morelia"])
    );
    // The newest of a conversation has taken the place of those before.
    let all = device.on_screen("all.length === 2");
    assert_eq!(all.as_array().map(Vec::len), Some(2), "{all}");
}

#[test]
fn a_click_leads_to_the_message() {
    let service = PushService::start();
    let server = server(&service);
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("chat", "", &[&boris]);
    let wanted = anna.send(&flow, "The needle");
    anna.send(&flow, "hay");
    let browser = Browser::start();
    let mut device = Device::new(&browser, &server, "boris", "ru-RU");
    device.worker.run(&looks(false));
    let notice = json!({"v": 1, "flow": flow, "message": wanted, "count": 2, "badge": 2, "time": 1_790_000_000});
    device.deliver(&notice.to_string());
    assert_eq!(device.shows(1), json!(["Morelia", "Новое сообщение", flow]));
    // A click by a script is no click by a person: the browser opens and focuses no window for it.
    let click = "const [shown] = await registration.getNotifications();
         self.opened = [];
         self.clients.openWindow = async (url) => { self.opened.push(url); };
         self.dispatchEvent(new NotificationEvent('notificationclick', {notification: shown}));
         await new Promise((next) => setTimeout(next, 500));
         return self.opened;";
    assert_eq!(device.worker.run(click), json!([]));
    device
        .page
        .wait("document.querySelector('article.message[data-number=\"0\"].lit')");
    // It is read now: nothing is left of it on the screen.
    device.shows_nothing();
    // No window of the client is open.
    device
        .page
        .visit(&format!("{}/version", device.origin))
        .expect("another page");
    device.deliver(&notice.to_string());
    device.shows(2);
    assert_eq!(device.worker.run(click), json!([format!("/#/m/{wanted}")]));
}

#[test]
fn somebody_who_looks_is_not_disturbed_for_long() {
    let service = PushService::start();
    let server = server(&service);
    let (mut anna, boris) = (server.register("anna"), server.register("boris"));
    let flow = anna.add_flow("chat", "", &[&boris]);
    let browser = Browser::start();
    let mut device = Device::new(&browser, &server, "boris", "en-GB");
    device.worker.run(&looks(true));
    let notice = json!({"v": 1, "flow": flow, "title": "Anna", "count": 1, "badge": 1, "time": 1_790_000_000});
    device.deliver(&notice.to_string());
    assert_eq!(device.shows(1)[0], "Anna");
    device.shows_nothing();
}

#[test]
fn a_service_that_has_forgotten_the_device_is_told_in_words() {
    let service = PushService::start();
    let server = server(&service);
    server.register("boris");
    let browser = Browser::start();
    let device = Device::new(&browser, &server, "boris", "en-GB");
    device.switch_on(&service, "/gone/boris");
    device.page.wait("document.querySelector('.push-hint').textContent.includes('Turn notifications off and on again.')");
    // Which helps.
    device.play(&service, "/ok/boris");
    let switch = "document.querySelector('.push-hint').closest('label').querySelector('input')";
    device.page.run(&format!("{switch}.click()"));
    device
        .page
        .wait(&format!("!{switch}.disabled && !{switch}.checked"));
    device.page.run(&format!("{switch}.click()"));
    device
        .page
        .wait(&format!("{switch}.checked && !{switch}.disabled"));
    assert_eq!(
        device
            .page
            .run("return document.querySelector('.push-hint').textContent"),
        json!("")
    );
    // Signed out, the browser keeps nothing of it.
    device.page.run("location.hash = '#/settings'");
    device.page.run("[...document.querySelectorAll('.action')].find((one) => one.textContent === 'Sign out').click()");
    device.page.click("dialog .button:not(.quiet)");
    device
        .page
        .wait("document.querySelector('input[name=login]')");
    device.page.run_async(
        "const end = Date.now() + 10000;
         const worker = await navigator.serviceWorker.ready;
         while (await worker.pushManager.getSubscription() && Date.now() < end) await new Promise((next) => setTimeout(next, 50));
         if (await worker.pushManager.getSubscription() || localStorage.getItem('morelia.push')) throw new Error('it is kept');",
    );
}

#[test]
fn without_encryption_the_settings_say_why_and_what_to_do() {
    let plain = free_port();
    let rules = "--host-resolver-rules=MAP raspberrypi.local 127.0.0.1".to_owned();
    let home = tempfile::tempdir().expect("a folder");
    let browser = Browser::at_home(home.path(), &[rules]);
    let house = Server::with(&[
        ("tls.local_ca", "on"),
        ("server.plain_port", &plain.to_string()),
    ]);
    let bare = Server::start();
    let (_, bare_port) = {
        let address = bare.address();
        let (host, port) = address.rsplit_once(':').expect("a port");
        (host.to_owned(), port.to_owned())
    };
    for (server, port, login, language, said) in [
        (
            &house,
            plain.to_string(),
            "boris",
            "en-GB",
            "How to make this device trust it",
        ),
        (
            &bare,
            bare_port.clone(),
            "boris",
            "en-GB",
            "Ask the person who runs this server to turn on HTTPS",
        ),
        (&bare, bare_port, "admin", "ru-RU", "Включите HTTPS"),
    ] {
        if login == "boris" && server.address() == bare.address() {
            server.register(login);
        } else if login == "boris" {
            Person::register(crate::common::Connection::open(plain), login);
        }
        let page = browser.page(Screen::Phone, language);
        page.visit(&format!("http://raspberrypi.local:{port}/"))
            .expect("the page");
        page.fill("input[name=login]", login);
        page.fill("input[name=password]", crate::common::PASSWORD);
        page.click(".sign-form .button");
        page.wait("document.documentElement.dataset.connection === 'ready'");
        page.run("location.hash = '#/settings'");
        page.wait(&format!(
            "document.querySelector('.push-hint')?.textContent.includes({})",
            json!(said)
        ));
        assert_eq!(page.run("return isSecureContext"), json!(false));
        assert_eq!(
            page.run("return document.querySelector('.push-hint').closest('label').querySelector('input').disabled"),
            json!(true)
        );
        let link =
            page.run("return document.querySelector('.push-hint a')?.getAttribute('href') ?? ''");
        assert_eq!(
            link,
            if server.address() == bare.address() {
                ""
            } else {
                "/trust"
            }
        );
    }
}
