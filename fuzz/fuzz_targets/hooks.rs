//! Any post to a hook, in any form: it is read or refused with 400 or 413, and says no more than it could have.
//!
//! The first byte says which form the address names. The lines up to an empty one are the query and the headers; what
//! follows is the body.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use morelia::protocol::{
    hooks::{Form, read_any},
    web::Headers,
};

/// How much longer than what was sent a text may be: marks are escaped, names of emoji stand for one, and what is
/// told beside the text has words of its own.
const GROWTH: usize = 8;
const WORDS: usize = 4096;

const FORMS: [Form; 7] = [
    Form::Any,
    Form::Text,
    Form::Publish,
    Form::Get,
    Form::Slack,
    Form::Gotify,
    Form::Alerts,
];

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some((first, rest)) = data.split_first() else {
        return Corpus::Reject;
    };
    let form = FORMS[usize::from(*first) % FORMS.len()];
    let split = rest.windows(2).position(|it| it == b"\n\n");
    let (head, body) = split.map_or((&[][..], rest), |at| (&rest[..at], &rest[at + 2..]));
    let Ok(head) = std::str::from_utf8(head) else {
        return Corpus::Reject;
    };
    let mut lines = head.lines();
    let query = lines.next().unwrap_or_default().to_owned();
    let headers: Headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    match read_any(form, query, headers, body) {
        Ok(post) => {
            assert!(post.text.len() <= data.len() * GROWTH + WORDS, "{}", post.text.len());
            assert!(post.files.iter().map(|file| file.bytes.len()).sum::<usize>() <= body.len());
            assert!(post.key.is_none_or(|key| key.chars().count() <= 64));
        }
        Err(status) => assert!([400, 413].contains(&status), "{status}"),
    }
    Corpus::Keep
});
