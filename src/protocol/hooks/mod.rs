//! Incoming hooks: one address, at which programs post in the forms that they already use.
//!
//! What belongs here: detecting the forms, reading them, and answering each as it expects. What does
//! not: rate limits, and what becomes of a post (see [`crate::service`]). Addresses contain the
//! secrets of hooks: nothing here writes an address to a log.

mod alerts;
mod answers;
mod attached;
mod detect;
mod emoji;
mod form;
mod gotify;
mod header;
mod markup;
mod ntfy;
mod said;
mod secret;
mod slack;

use std::sync::Arc;

use super::web::{Body, Headers, Method, Request, Response, Route, Takes, Web};
use crate::service::{Client, Field, HookFile, HookPost, Refusal, Service, ServiceError};
use answers::{Answered, Trouble};
use detect::{MAX_TEXT_BYTES, Sent, Told, Tongue};
use ntfy::Beside;
use said::{Complaint, Echo};

/// The face of hooks.
pub struct Hooks {
    service: Arc<Service>,
    max_bytes: usize,
}

/// The actions of this face.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Posts to the hook that the address names.
    Post(Form),
    /// Posts to the hook whose secret is sent beside the address.
    PostBeside(Form),
    /// Returns the supported version of Gotify.
    Version,
    /// Reports that the server is healthy.
    Health,
}

/// What an address says about the form of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing: the form is detected from the post.
    Any,
    /// A text or a file.
    Text,
    /// JSON with a topic.
    Publish,
    /// The whole post is in the address.
    Get,
    /// The form of Slack.
    Slack,
    /// The form of Gotify.
    Gotify,
    /// The form of Alertmanager and Grafana.
    Alerts,
}

impl Form {
    fn told(self) -> Told {
        match self {
            Self::Any => Told::Nothing,
            Self::Text | Self::Get => Told::Text,
            Self::Publish => Told::Publish,
            Self::Slack => Told::Slack,
            Self::Gotify => Told::Gotify,
            Self::Alerts => Told::Alerts,
        }
    }

    /// Returns how to answer errors that occur before the form is detected.
    fn tongue(self) -> Option<Tongue> {
        (self == Self::Gotify).then_some(Tongue::Gotify)
    }
}

impl Hooks {
    /// Returns the face, for files of at most `max_file_bytes` bytes.
    #[must_use]
    pub fn new(service: Arc<Service>, max_file_bytes: usize) -> Self {
        Self {
            service,
            max_bytes: max_file_bytes.max(MAX_TEXT_BYTES),
        }
    }

    async fn post(
        &self,
        form: Form,
        is_beside: bool,
        request: Request,
    ) -> Result<Answered, Trouble> {
        let client = Client {
            neighbourhood: request.peer.address.into(),
            ..Client::default()
        };
        let shown = if is_beside {
            secret::beside(&request).ok_or(Trouble::NoSecret)?
        } else {
            request.captured.first().cloned().unwrap_or_default()
        };
        let hook = self.service.admit_hook(&shown, &client).await?;
        let topic = request.captured.get(usize::from(!is_beside)).cloned();
        let Request {
            query,
            headers,
            body,
            ..
        } = request;
        let body = if form == Form::Get {
            Body::empty()
        } else {
            body
        };
        // The bytes are kept to the end: a file may be large.
        let body = body.gather(true).await?;
        let asked = Asked {
            form,
            topic,
            query,
            headers,
        };
        let (tongue, mut present, mut post) = asked.read(&body.bytes)?;
        // This server's own form is never cut.
        let limit = self.service.limits().text_bytes.min(MAX_TEXT_BYTES);
        if tongue == Tongue::Ours && post.text.len() > limit {
            let what = Field::Text;
            return Err(ServiceError::from(Refusal::TooLarge { what, limit }).into());
        }
        if present != Echo::default() {
            present.topic.get_or_insert_with(|| hook.name.clone());
            present.bound();
            post.answer = serde_json::to_string(&present).ok();
        }
        let posted = self.service.post_by_hook(&hook, post).await?;
        let first = posted.answer.as_deref();
        let echo = first.and_then(|it| serde_json::from_str(it).ok());
        Ok(Answered {
            tongue,
            echo: echo.unwrap_or(present),
            posted,
        })
    }
}

/// Reads any post as the face does, and writes nothing: for fuzzing.
///
/// # Errors
/// The status of an invalid post.
#[cfg(any(test, fuzzing))]
pub fn read_any(form: Form, query: String, headers: Headers, body: &[u8]) -> Result<HookPost, u16> {
    let asked = Asked {
        form,
        topic: None,
        query,
        headers,
    };
    let read = asked.read(body).map_err(|Complaint(status, _)| status)?;
    Ok(read.2)
}

/// A request without its body.
struct Asked {
    form: Form,
    topic: Option<String>,
    query: String,
    headers: Headers,
}

impl Asked {
    /// Reads a post: its form, what the answer returns, and what to write.
    fn read(self, body: &[u8]) -> Result<(Tongue, Echo, HookPost), Complaint> {
        let header = |name: &str| self.headers.get(name).map(str::to_owned);
        let parameter = |name: &str| {
            let mut all = form_urlencoded::parse(self.query.as_bytes());
            all.find(|(found, _)| found.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.into_owned())
        };
        let sent = Sent {
            told: self.form.told(),
            topic: self.topic,
            content_type: self.headers.get("content-type"),
            beside: Beside {
                header: &header,
                parameter: &parameter,
            },
            body,
        };
        let (tongue, mut said) = detect::read(&sent)?;
        let echo = std::mem::take(&mut said.echo);
        let files = std::mem::take(&mut said.files).into_iter();
        let files = files.map(|file| HookFile {
            name: file.name.as_deref().and_then(answers::file_name),
            bytes: file.bytes(body),
        });
        let files = files.collect();
        let mut post = said.into_post();
        post.files = files;
        Ok((tongue, echo, post))
    }
}

impl Web for Hooks {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        let takes = Takes::Whole(self.max_bytes);
        let mut routes = Vec::new();
        let mut add = |methods: &[Method], pattern, action| {
            for method in methods {
                let route = Route::new(*method, pattern).for_any_page();
                let route = if *method == Method::Get {
                    route
                } else {
                    route.takes(takes)
                };
                routes.push((route, action));
            }
        };
        let post = &[Method::Post, Method::Put][..];
        add(post, "/hook/{secret}", Action::Post(Form::Any));
        add(post, "/hook/{secret}/slack", Action::Post(Form::Slack));
        add(post, "/hook/{secret}/message", Action::Post(Form::Gotify));
        add(
            post,
            "/hook/{secret}/alertmanager",
            Action::Post(Form::Alerts),
        );
        add(post, "/hook/{secret}/grafana", Action::Post(Form::Alerts));
        add(post, "/hook/{secret}/ntfy", Action::Post(Form::Publish));
        add(
            post,
            "/hook/{secret}/ntfy/{topic}",
            Action::Post(Form::Text),
        );
        for pattern in [
            "/hook/{secret}/publish",
            "/hook/{secret}/send",
            "/hook/{secret}/trigger",
        ] {
            add(&[Method::Get], pattern, Action::Post(Form::Get));
        }
        // Mattermost's form of the address.
        add(post, "/hooks/{secret}", Action::Post(Form::Slack));
        add(post, "/ntfy/{topic}", Action::PostBeside(Form::Text));
        for pattern in [
            "/ntfy/{topic}/publish",
            "/ntfy/{topic}/send",
            "/ntfy/{topic}/trigger",
        ] {
            add(&[Method::Get], pattern, Action::PostBeside(Form::Get));
        }
        add(post, "/ntfy", Action::PostBeside(Form::Publish));
        add(post, "/", Action::PostBeside(Form::Publish));
        add(
            &[Method::Post],
            "/gotify/message",
            Action::PostBeside(Form::Gotify),
        );
        add(&[Method::Get], "/gotify/version", Action::Version);
        add(&[Method::Get], "/gotify/health", Action::Health);
        routes
    }

    async fn answer(&self, action: Action, request: Request) -> Response {
        let (form, is_beside) = match action {
            Action::Version => return answers::version(),
            Action::Health => return answers::health(),
            Action::Post(form) => (form, false),
            Action::PostBeside(form) => (form, true),
        };
        match self.post(form, is_beside, request).await {
            Ok(answered) => answered.response(),
            Err(trouble) => trouble.response(form.tongue()),
        }
    }
}
