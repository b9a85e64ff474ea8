//! Tells clients the address of this server if they know only its name.

use std::sync::Arc;

use serde_json::json;

use super::super::web::{Method, Request, Response, Route, Web};
use super::{refused, shared, trouble};

/// The face of `/.well-known/matrix/client`.
pub struct WellKnown {
    base_url: Option<String>,
}

impl WellKnown {
    /// Returns the face of a server at an address; `None` if the address is not configured.
    #[must_use]
    pub fn new(base_url: Option<String>) -> Self {
        Self { base_url }
    }
}

impl Web for WellKnown {
    type Action = ();

    fn routes(&self) -> Vec<(Route, ())> {
        let everybody: Arc<[String]> = Arc::new(["*".to_owned()]);
        let route = Route::new(Method::Get, "/.well-known/matrix/client");
        vec![(route.with_origins(everybody), ())]
    }

    async fn answer(&self, (): (), _: Request) -> Response {
        let Some(url) = &self.base_url else {
            let words = "public_url in [server] does not say where this server is";
            return shared(trouble::error(404, "M_NOT_FOUND", words));
        };
        // Keys for clients are not stored yet.
        let known = json!({
            "m.homeserver": {"base_url": url},
            "io.element.e2ee": {"force_disable": true},
        });
        shared(Response::json(200, &known))
    }

    fn describe(&self) -> Option<Response> {
        Some(shared(Response::new(204)))
    }

    fn refuse(&self, status: u16, detail: &str) -> Option<Response> {
        // Other well-known addresses belong to others.
        (status == 405).then(|| refused(status, detail))
    }
}
