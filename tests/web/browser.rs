//! Chromium under `WebDriver`, as plain calls that wait.

use std::fmt::Debug;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::common::Server;

/// How long a page may take to show what a test waits for.
const PATIENCE: Duration = Duration::from_secs(40);

/// The sizes that the client is judged at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Desk,
    Phone,
}

impl Screen {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Phone => "phone",
        }
    }
}

/// A chromedriver of this test's own, ended with it.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    runtime: Runtime,
    arguments: Vec<String>,
}

impl Browser {
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::launch(None, &[])
    }

    /// The same with a home folder of its own, whose certificates it trusts, and more arguments.
    #[track_caller]
    pub(crate) fn at_home(home: &Path, arguments: &[String]) -> Self {
        Self::launch(Some(home), arguments)
    }

    #[track_caller]
    fn launch(home: Option<&Path>, arguments: &[String]) -> Self {
        // The port that it finds for one protocol of the Internet may be taken in the other: it ends then.
        let started = (0..5).find_map(|_| Self::start_driver(home));
        let (driver, port) = started.expect("chromedriver names its port");
        Self {
            driver,
            port,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime"),
            arguments: arguments.to_vec(),
        }
    }

    /// Starts `chromedriver`. Returns it with its port; nothing when it has ended without one.
    #[track_caller]
    fn start_driver(home: Option<&Path>) -> Option<(Child, u16)> {
        let mut command = Command::new("chromedriver");
        if let Some(home) = home {
            command.env("HOME", home).env_remove("XDG_DATA_HOME");
        }
        let mut driver = command
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{error}: the tests of the web client need Debian's packages chromium and chromium-driver")
            });
        let out = BufReader::new(driver.stdout.take().expect("a pipe"));
        let port = out.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        if port.is_none() {
            driver.wait().expect("it has ended");
        }
        port.map(|port| (driver, port))
    }

    /// Opens a window with a profile of its own: another person's device.
    #[track_caller]
    pub(crate) fn page(&self, screen: Screen, language: &str) -> Page<'_> {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let metrics = match screen {
            Screen::Desk => {
                json!({"width": 1280, "height": 800, "pixelRatio": 1, "touch": false, "mobile": false})
            }
            Screen::Phone => {
                json!({"width": 360, "height": 740, "pixelRatio": 2, "touch": true, "mobile": true})
            }
        };
        let mut arguments = json!([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            // A microphone that beeps, and is given without a question.
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
            format!("--lang={language}"),
            format!("--user-data-dir={}", profile.path().display()),
        ]);
        if let Value::Array(list) = &mut arguments {
            list.extend(self.arguments.iter().map(|argument| json!(argument)));
        }
        let options = json!({
            "args": arguments,
            "prefs": {"intl.accept_languages": language},
            "mobileEmulation": {"deviceMetrics": metrics},
        });
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("acceptInsecureCerts".to_owned(), json!(false));
        capabilities.insert(
            "timeouts".to_owned(),
            json!({"script": (PATIENCE + PATIENCE).as_secs() * 1000}),
        );
        let client = self
            .runtime
            .block_on(
                ClientBuilder::new(HttpConnector::new())
                    .capabilities(capabilities)
                    .connect(&format!("http://127.0.0.1:{}", self.port)),
            )
            .expect("chromedriver opens a window");
        Page {
            browser: self,
            client: Some(client),
            profile,
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked nicely, it takes its browsers with it.
        let asked = Command::new("kill")
            .arg(self.driver.id().to_string())
            .status();
        if asked.is_err() {
            let _ = self.driver.kill();
        }
        let _ = self.driver.wait();
    }
}

/// A window.
pub(crate) struct Page<'a> {
    browser: &'a Browser,
    client: Option<Client>,
    profile: TempDir,
}

impl Page<'_> {
    fn client(&self) -> &Client {
        self.client.as_ref().expect("open")
    }

    fn block<T, E: Debug>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.browser.runtime.block_on(work)
    }

    #[track_caller]
    pub(crate) fn open(&self, server: &Server, path: &str) {
        let url = format!("http://{}{path}", server.address());
        self.block(self.client().goto(&url)).expect("the page");
    }

    /// Opens an address anywhere.
    ///
    /// # Errors
    /// What the browser has against it, such as a certificate that it does not trust.
    pub(crate) fn visit(&self, url: &str) -> Result<(), String> {
        self.block(self.client().goto(url))
            .map_err(|error| error.to_string())
    }

    /// The port of Chromium's own protocol.
    #[track_caller]
    pub(crate) fn devtools_port(&self) -> u16 {
        let file = self.profile.path().join("DevToolsActivePort");
        let text = std::fs::read_to_string(&file).expect("Chromium has written its port");
        let port = text.lines().next().and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("no port: {text}"))
    }

    /// Lets scripts of this page run for so long.
    #[track_caller]
    pub(crate) fn set_script_patience(&self, seconds: u64) {
        let timeouts = fantoccini::wd::TimeoutConfiguration::new(
            Some(Duration::from_secs(seconds)),
            None,
            None,
        );
        self.block(self.client().update_timeouts(timeouts))
            .expect("timeouts");
    }

    #[track_caller]
    pub(crate) fn reload(&self) {
        self.block(self.client().refresh()).expect("the page");
    }

    /// Runs statements and gives what they return.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.block(self.client().execute(script, Vec::new()))
            .unwrap_or_else(|error| panic!("{error}\n{script}"))
    }

    /// Runs statements that may `await` and gives what they return; what they throw is a failure.
    #[track_caller]
    pub(crate) fn run_async(&self, script: &str) -> Value {
        let whole = format!(
            "const done = arguments[arguments.length - 1];\n\
             (async () => {{ {script} }})().then((value) => done({{value}}), (error) => done({{error: String(error?.stack ?? error)}}));"
        );
        let answer = self
            .block(self.client().execute_async(&whole, Vec::new()))
            .unwrap_or_else(|error| panic!("{error}\n{script}"));
        if let Some(error) = answer["error"].as_str() {
            panic!("{error}");
        }
        answer["value"].clone()
    }

    /// Waits until an expression is true in the page, and gives whether it was an element.
    #[track_caller]
    pub(crate) fn wait(&self, condition: &str) {
        let script = format!(
            "const end = Date.now() + {};
             for (;;) {{
               let value = false;
               try {{ value = ({condition}); }} catch {{ value = false; }}
               if (value) return true;
               if (Date.now() > end) return false;
               await new Promise((next) => setTimeout(next, 20));
             }}",
            PATIENCE.as_millis()
        );
        if self.run_async(&script) != json!(true) {
            let text = self.run("return document.body.innerText.slice(0, 3000)");
            panic!(
                "never came true: {condition}\n--- the page says\n{}",
                text.as_str().unwrap_or_default()
            );
        }
    }

    /// Waits until what moves has come to rest (what moves for ever is left to move).
    #[track_caller]
    pub(crate) fn settle(&self) {
        self.run_async(
            "const moving = document.getAnimations().filter((one) => one.effect.getTiming().iterations < 9);
             await Promise.all(moving.map((one) => one.finished.catch(() => {})));
             await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));",
        );
    }

    /// Puts a text into a field as typing does, whatever signs it has.
    #[track_caller]
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.wait(&format!("document.querySelector({})", json!(selector)));
        self.run(&format!(
            "const field = document.querySelector({});
             field.focus();
             const type = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
             Object.getOwnPropertyDescriptor(type.prototype, 'value').set.call(field, {});
             field.dispatchEvent(new Event('input', {{bubbles: true}}));",
            json!(selector),
            json!(text)
        ));
    }

    /// Presses keys of a real keyboard in an element (`WebDriver`'s code points for special ones),
    /// or names files for a file field.
    #[track_caller]
    pub(crate) fn press(&self, selector: &str, keys: &str) {
        let work = async {
            let element = self.client().find(Locator::Css(selector)).await?;
            element.send_keys(keys).await
        };
        self.block(work)
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Clicks with a real pointer: fails where something else lies on top.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        self.wait(&format!("document.querySelector({})", json!(selector)));
        let work = async {
            // An element may be drawn anew between the two steps, as it may under a finger.
            for _ in 0..5 {
                let element = self.client().find(Locator::Css(selector)).await?;
                match element.click().await {
                    Err(error) if error.is_stale_element_reference() => {}
                    done => return done,
                }
            }
            self.client()
                .find(Locator::Css(selector))
                .await?
                .click()
                .await
        };
        self.block(work)
            .unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    #[track_caller]
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        self.block(self.client().screenshot()).expect("a picture")
    }

    /// A command of Chromium's own protocol.
    #[track_caller]
    pub(crate) fn devtools(&self, command: &'static str, params: Value) -> Value {
        self.block(self.client().issue_cmd(Devtools { command, params }))
            .unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let _ = self.browser.runtime.block_on(client.close());
        }
    }
}

#[derive(Debug)]
struct Devtools {
    command: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({"cmd": self.command, "params": self.params});
        (http::Method::POST, Some(body.to_string()))
    }
}
