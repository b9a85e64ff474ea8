//! The web client as it is served: its files from the binary, with the headers that make browsers cache them.
//!
//! What belongs here: addresses, headers and conditional requests. The files are in `src/web`;
//! `build/assets.rs` compresses them. Nothing here has state.

use std::fmt::Write as _;

use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HOST, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use warp::http::{HeaderMap, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;

use super::filters::reading;

include!(concat!(env!("OUT_DIR"), "/web_assets.rs"));

/// What the page may do: it may load only from this server, and no string ever becomes markup or script
/// (`morelia` is the one Trusted Types policy, for the address of the service worker). `{sockets}` is
/// replaced by the host's WebSocket addresses, for browsers whose `'self'` does not include them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'{sockets}; \
    manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types morelia";

/// The page that is served if the client is switched off.
const CLIENT_OFF: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Morelia</title>\n",
    "<h1>Morelia ",
    env!("CARGO_PKG_VERSION"),
    "</h1>\n<p>This is a chat server. Connect with an MTP client to <code>/ws</code> at this \
     address, for example <code>ws://this-host:8000/ws</code>.</p>\n"
);

/// A file of the client.
struct File {
    address: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    /// The hash of the content.
    hash: &'static str,
    /// Whether the address contains the hash too, so that it need never be requested again.
    immutable: bool,
}

/// Returns the routes of the web client; without `client`, of a page that explains what this is.
pub(super) fn pages(client: bool) -> BoxedFilter<(Response,)> {
    if !client {
        return warp::path::end().and(reading()).map(notice).boxed();
    }
    page().or(files()).unify().boxed()
}

/// The page itself. It also opens for an invitation and for a new password, and reads the code
/// itself: fetching it, as link previews do, does not use up the code.
fn page() -> BoxedFilter<(Response,)> {
    let invitation = warp::path!("invite" / String);
    let reset = warp::path!("reset" / String);
    let with_code = invitation.or(reset).unify().map(drop).untuple_one();
    warp::path::end()
        .or(with_code)
        .unify()
        .and_then(async || file("/").ok_or_else(warp::reject::not_found))
        .and(reading())
        .and(warp::header::headers_cloned())
        .map(|file, headers| serve(file, &headers))
        .boxed()
}

/// The files of the page.
fn files() -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and_then(async |path: FullPath| file(path.as_str()).ok_or_else(warp::reject::not_found))
        .and(reading())
        .and(warp::header::headers_cloned())
        .map(|file, headers| serve(file, &headers))
        .boxed()
}

fn file(address: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.address == address)
}

fn notice() -> Response {
    let mut response = Response::new(CLIENT_OFF.into());
    set(&mut response, CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut response, CACHE_CONTROL, "no-cache");
    response
}

fn serve(file: &'static File, request: &HeaderMap) -> Response {
    let packed = file.gzip.filter(|_| accepts_gzip(request));
    // For a cache the two forms of a file are different, so each has its own tag.
    let form = if packed.is_some() { "-gzip" } else { "" };
    let tag = format!("\"{}{form}\"", file.hash);
    let known = is_known(request, file.hash);
    let body = if known {
        &[][..]
    } else {
        packed.unwrap_or(file.plain)
    };
    let mut response = Response::new(body.into());
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        set(&mut response, CONTENT_TYPE, file.content_type);
        if packed.is_some() {
            set(&mut response, CONTENT_ENCODING, "gzip");
        }
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    let keep = if file.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    set(&mut response, CACHE_CONTROL, keep);
    set(&mut response, VARY, "Accept-Encoding");
    if let Ok(policy) = HeaderValue::from_str(&policy(request)) {
        response
            .headers_mut()
            .insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

/// Returns the policy for the requested host. A host with unusual characters gets no addresses of
/// its own: they would be written into a header.
fn policy(request: &HeaderMap) -> String {
    let host = request.get(HOST).and_then(|host| host.to_str().ok());
    let plain = |sign: char| sign.is_ascii_alphanumeric() || ".-:[]".contains(sign);
    let mut sockets = String::new();
    if let Some(host) = host.filter(|host| !host.is_empty() && host.chars().all(plain)) {
        let _ = write!(sockets, " ws://{host} wss://{host}");
    }
    POLICY.replace("{sockets}", &sockets)
}

/// Returns whether the request accepts gzip: by name or `*`, and not with a weight of zero.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let mut all = false;
    for part in list(request, &ACCEPT_ENCODING) {
        let (name, weight) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::trim);
        let refused = weight.is_some_and(|text| text.parse::<f32>().is_ok_and(|q| q <= 0.0));
        match name.trim() {
            "gzip" | "x-gzip" => return !refused,
            "*" => all = !refused,
            _ => {}
        }
    }
    all
}

/// Returns whether the browser already has the file, in either form.
fn is_known(request: &HeaderMap, hash: &str) -> bool {
    list(request, &IF_NONE_MATCH).any(|tag| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
        tag == "*" || tag.strip_suffix("-gzip").unwrap_or(tag) == hash
    })
}

fn list<'a>(request: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    request
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use warp::http::{Method, Request};

    use super::*;
    use crate::server::recover;

    /// The limit of what browsers load, compressed, until the list is shown, including the larger
    /// of the languages' texts.
    const FIRST_LOAD_BYTES: usize = 64 * 1024;

    fn request(headers: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, value.parse().unwrap());
        }
        map
    }

    /// Returns the answer of the filters, with the usual 404 and 405.
    fn ask(client: bool, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
        let routes = pages(client).recover(recover::recover).unify();
        let mut asked = Request::new(String::new());
        *asked.method_mut() = method;
        *asked.uri_mut() = path.parse().unwrap();
        *asked.headers_mut() = request(headers);
        let answer = TowerToHyperService::new(warp::service(routes)).call(asked);
        answer.now_or_never().unwrap().unwrap()
    }

    fn get(path: &str, headers: &[(&str, &str)]) -> Response {
        ask(true, Method::GET, path, headers)
    }

    fn text(file: &File) -> &'static str {
        std::str::from_utf8(file.plain).unwrap()
    }

    fn named(name: &str) -> &'static File {
        let found = FILES.iter().find(|file| file.address.ends_with(name));
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    fn is_a(file: &File, extension: &str) -> bool {
        file.address.rsplit('.').next() == Some(extension)
    }

    #[test]
    fn page_opens_at_the_root_and_for_codes() {
        for path in ["/", "/invite/ABC-123", "/invite/ABC-123/", "/reset/ABC-123"] {
            let response = get(path, &[]);
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(
                response.headers()["content-type"],
                "text/html; charset=utf-8"
            );
            assert_eq!(response.headers()["cache-control"], "no-cache");
        }
        for path in [
            "/invite/",
            "/invite/a/b",
            "/reset/",
            "/reset",
            "/reset/a/b",
            "/index.html",
            "/assets/",
            "/x",
            "//",
        ] {
            assert_eq!(get(path, &[]).status(), 404, "{path}");
        }
    }

    #[test]
    fn everything_the_page_names_is_served_and_kept() {
        let page = text(file("/").unwrap());
        assert!(!page.contains("/assets/0/"), "{page}");
        let addresses: Vec<_> = page
            .split('"')
            .filter(|part| part.starts_with('/') && part.len() > 1)
            .collect();
        assert!(addresses.len() > 10, "{addresses:?}");
        for address in addresses {
            let response = get(address, &[]);
            assert_eq!(response.status(), 200, "{address}");
            if address.starts_with("/assets/") {
                assert_eq!(
                    response.headers()["cache-control"],
                    "public, max-age=31536000, immutable"
                );
            }
        }
    }

    #[test]
    fn service_worker_names_every_file() {
        let worker = text(named("/sw.js"));
        for file in FILES.iter().filter(|file| file.immutable) {
            assert!(worker.contains(file.address), "{}", file.address);
        }
    }

    #[test]
    fn what_the_browser_has_is_not_sent_again() {
        let first = get("/", &[("accept-encoding", "gzip")]);
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.ends_with("-gzip\""), "{tag}");
        let second = get("/", &[("if-none-match", &tag)]);
        assert_eq!(second.status(), 304);
        assert!(second.headers().contains_key("etag"));
        let weak = format!("\"other\", W/{tag}");
        assert_eq!(get("/", &[("if-none-match", &weak)]).status(), 304);
        assert_eq!(get("/", &[("if-none-match", "\"other\"")]).status(), 200);
    }

    #[test]
    fn compression_is_for_those_who_ask() {
        let cases = [
            ("gzip, deflate, br", true),
            ("br;q=1.0, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0, *", false),
            ("identity", false),
            ("", false),
        ];
        for (accepted, packed) in cases {
            let response = get("/", &[("accept-encoding", accepted)]);
            let found = response.headers().get("content-encoding");
            assert_eq!(found.is_some(), packed, "{accepted}");
            assert_eq!(response.headers()["vary"], "Accept-Encoding");
        }
        let picture = get(
            named("icon-192.png").address,
            &[("accept-encoding", "gzip")],
        );
        assert!(picture.headers().get("content-encoding").is_none());
    }

    #[test]
    fn policy_allows_nothing_inline_and_no_strange_host() {
        let policy = |host: &str| {
            let response = get("/", &[("host", host)]);
            response.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .to_owned()
        };
        let usual = policy("chat.example:8000");
        assert!(
            usual
                .contains("connect-src 'self' ws://chat.example:8000 wss://chat.example:8000; man"),
            "{usual}"
        );
        assert!(!usual.contains("unsafe"), "{usual}");
        assert!(policy("a; script-src *").contains("connect-src 'self'; manifest-src"));
    }

    #[test]
    fn only_reading_is_possible() {
        for path in ["/", "/reset/x", "/sw.js"] {
            let refused = ask(true, Method::POST, path, &[]);
            assert_eq!(refused.status(), 405, "{path}");
            assert_eq!(refused.headers()["allow"], "GET, HEAD");
            assert_eq!(ask(true, Method::HEAD, path, &[]).status(), 200, "{path}");
        }
    }

    #[test]
    fn without_the_client_a_page_says_what_this_is() {
        let status = |path| ask(false, Method::GET, path, &[]).status();
        assert_eq!(status("/"), 200);
        for path in ["/sw.js", "/invite/x", "/reset/x"] {
            assert_eq!(status(path), 404, "{path}");
        }
        assert_eq!(ask(false, Method::POST, "/", &[]).status(), 405);
    }

    #[test]
    fn first_load_is_light() {
        // The files requested by then; the rest follows from their imports.
        let mut waiting: Vec<_> = [
            "/main.js",
            "/client.js",
            "/shell.js",
            "/sign.js",
            "/ru.first.js",
        ]
        .map(|name| named(name).address.to_owned())
        .into();
        let mut seen = std::collections::BTreeSet::new();
        while let Some(address) = waiting.pop() {
            let source = text(file(&address).unwrap());
            for line in source.lines().filter(|line| line.starts_with("import ")) {
                let path = line.rsplit('\'').nth(1).unwrap();
                let name = path.rsplit_once("./").unwrap().1;
                waiting.push(named(&format!("/{name}")).address.to_owned());
                waiting.retain(|address| !seen.contains(address));
            }
            seen.insert(address);
        }
        assert!(seen.len() > 20, "{seen:?}");
        // A style sheet that the page does not name comes with the view that needs it.
        let page = text(file("/").unwrap());
        let sheets = FILES
            .iter()
            .filter(|file| is_a(file, "css") && page.contains(file.address));
        let modules = seen.iter().map(|address| file(address).unwrap());
        let others = [file("/").unwrap(), named("/icon.svg")];
        let sum: usize = sheets
            .chain(modules)
            .chain(others)
            .map(|file| file.gzip.unwrap_or(file.plain).len())
            .sum();
        assert!(sum < FIRST_LOAD_BYTES, "{sum} bytes");
    }

    #[test]
    fn no_markup_is_made_from_text() {
        let words = [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "srcdoc",
            "DOMParser",
        ];
        for file in FILES.iter().filter(|file| is_a(file, "js")) {
            for word in words {
                assert!(!text(file).contains(word), "{word} in {}", file.address);
            }
        }
        let page = text(file("/").unwrap());
        assert!(!page.contains("style=") && !page.contains(" onload"));
    }
}
