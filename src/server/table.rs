//! The table of a face's routes: finds the route of a method and a path.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::protocol::web::{Method, Route};

/// Routes by method and path.
pub(super) struct Table(Vec<Entry>);

struct Entry {
    method: Method,
    segments: Vec<Segment>,
}

enum Segment {
    Literal(&'static str),
    Captured,
}

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A route, by its index in the table, and the segments that it captured.
    Route(usize, Vec<String>),
    /// The path belongs to these routes, but with other methods.
    Others(Vec<usize>),
    /// No route has this path.
    Nothing,
}

impl Table {
    /// Returns the table of these routes. If two match, the first is used.
    pub(super) fn of(routes: &[Route]) -> Self {
        let entry = |route: &Route| Entry {
            method: route.method,
            segments: segments(route.pattern)
                .map(|segment| {
                    if segment.starts_with('{') && segment.ends_with('}') {
                        Segment::Captured
                    } else {
                        Segment::Literal(segment)
                    }
                })
                .collect(),
        };
        Self(routes.iter().map(entry).collect())
    }

    /// Finds the route of a method and a path.
    pub(super) fn find(&self, method: Option<Method>, path: &str) -> Found {
        // Split before decoding: a slash that is written `%2F` is not a separator.
        let Some(path) = segments(path).map(decode).collect::<Option<Vec<_>>>() else {
            return Found::Nothing;
        };
        let mut reading = None;
        let mut others = Vec::new();
        for (place, entry) in self.0.iter().enumerate() {
            let Some(captured) = entry.capture(&path) else {
                continue;
            };
            if method == Some(entry.method) {
                return Found::Route(place, captured);
            }
            if reading.is_none() && method == Some(Method::Head) && entry.method == Method::Get {
                reading = Some((place, captured));
            }
            others.push(place);
        }
        match reading {
            Some((place, captured)) => Found::Route(place, captured),
            None if others.is_empty() => Found::Nothing,
            None => Found::Others(others),
        }
    }
}

impl Entry {
    fn capture(&self, path: &[Cow<'_, str>]) -> Option<Vec<String>> {
        if self.segments.len() != path.len() {
            return None;
        }
        let mut captured = Vec::new();
        for (segment, found) in self.segments.iter().zip(path) {
            match segment {
                Segment::Literal(text) if found == text => {}
                Segment::Captured if !found.is_empty() => captured.push(found.to_string()),
                _ => return None,
            }
        }
        Some(captured)
    }
}

/// Returns the parts of a path after each slash; none for `/`.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let some = (!path.is_empty()).then(|| path.split('/'));
    some.into_iter().flatten()
}

/// Returns a percent-decoded segment; `None` if it is not UTF-8.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(segment).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let route = Route::new;
        Table::of(&[
            route(Method::Post, "/"),
            route(Method::Get, "/file/{id}"),
            route(Method::Get, "/file/{id}/{name}"),
            route(Method::Post, "/files"),
            route(Method::Head, "/files/{id}"),
            route(Method::Get, "/files/{id}"),
            route(Method::Delete, "/files/{id}"),
            route(Method::Get, "/files/new"),
        ])
    }

    fn found(place: usize, captured: &[&str]) -> Found {
        Found::Route(
            place,
            captured.iter().map(|text| (*text).to_owned()).collect(),
        )
    }

    #[test]
    fn method_and_path_lead_to_a_route() {
        let cases = [
            (Method::Post, "/", found(0, &[])),
            (Method::Get, "/file/a", found(1, &["a"])),
            (
                Method::Get,
                "/file/a/b%20c.jpg",
                found(2, &["a", "b c.jpg"]),
            ),
            (Method::Get, "/file/a%2Fb", found(1, &["a/b"])),
            (Method::Get, "/%66ile/a", found(1, &["a"])),
            (Method::Get, "/file/%D1%84", found(1, &["ф"])),
            (Method::Get, "/file/50%", found(1, &["50%"])),
            (Method::Head, "/file/a", found(1, &["a"])),
            (Method::Head, "/files/a", found(4, &["a"])),
            (Method::Get, "/files/new", found(5, &["new"])),
        ];
        for (method, path, expected) in cases {
            assert_eq!(table().find(Some(method), path), expected, "{path}");
        }
    }

    #[test]
    fn all_else_is_nothing_or_for_other_methods() {
        let cases = [
            (Some(Method::Get), "/", Found::Others(vec![0])),
            (None, "/files", Found::Others(vec![3])),
            (
                Some(Method::Patch),
                "/files/a",
                Found::Others(vec![4, 5, 6]),
            ),
            (Some(Method::Get), "/file", Found::Nothing),
            (Some(Method::Get), "/file/", Found::Nothing),
            (Some(Method::Get), "/file/a/", Found::Nothing),
            (Some(Method::Get), "/file/a/b/c", Found::Nothing),
            (Some(Method::Get), "//file/a", Found::Nothing),
            (Some(Method::Get), "/File/a", Found::Nothing),
            (Some(Method::Get), "/file/%FF", Found::Nothing),
            (Some(Method::Post), "//", Found::Nothing),
            (Some(Method::Post), "", found(0, &[])),
        ];
        for (method, path, expected) in cases {
            assert_eq!(table().find(method, path), expected, "{path}");
        }
    }
}
