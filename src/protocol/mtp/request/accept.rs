//! `meta.accept`: the words that a client understands beyond revision 17.

use serde::Deserialize;

use super::{List, Request, Text, read_object};
use crate::model::Form;

/// The most words in a request.
const MAX_WORDS: usize = 8;

/// The longest word, in characters.
const MAX_WORD_CHARS: usize = 16;

/// The word for [`Form::Rich`].
const RICH: &str = "rich";

#[derive(Default, Deserialize)]
struct Accepting<'a> {
    #[serde(borrow, default)]
    accept: Option<List<Text<'a>, MAX_WORDS>>,
}

/// The part of a request that is needed to answer one that cannot be read.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow, default)]
    meta: Option<&'a serde_json::value::RawValue>,
}

impl Request<'_> {
    /// Returns the form in which the client wants its answer. Unknown words are ignored.
    ///
    /// # Errors
    /// `meta.accept` is not a list of a few short words.
    pub(in crate::protocol::mtp) fn form(&self) -> Result<Form, String> {
        form(self.meta)
    }
}

/// Returns the form of the answer to a frame that is not a valid request.
pub(in crate::protocol::mtp) fn form_of_unreadable(frame: &[u8]) -> Form {
    let outline = serde_json::from_slice::<Outline<'_>>(frame).ok();
    outline
        .and_then(|outline| form(outline.meta).ok())
        .unwrap_or_default()
}

fn form(meta: Option<&serde_json::value::RawValue>) -> Result<Form, String> {
    let accepting: Accepting<'_> = read_object(meta, "meta")?;
    let words = accepting.accept.as_deref().unwrap_or_default();
    if words
        .iter()
        .any(|word| word.chars().count() > MAX_WORD_CHARS)
    {
        return Err(format!(
            "meta.accept: expected words of at most {MAX_WORD_CHARS} characters"
        ));
    }
    Ok(if words.iter().any(|word| &**word == RICH) {
        Form::Rich
    } else {
        Form::Plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(meta: &str) -> Result<Form, String> {
        let text = format!(r#"{{"type":"x","jsonapi":{{"version":"1.0"}},"meta":{meta}}}"#);
        Request::read(text.as_bytes()).unwrap().form()
    }

    #[test]
    fn rich_is_asked_for_by_a_word_among_others() {
        assert_eq!(form_of("null"), Ok(Form::Plain));
        assert_eq!(form_of("7"), Ok(Form::Plain));
        assert_eq!(form_of(r#"{"txn":"a"}"#), Ok(Form::Plain));
        assert_eq!(form_of(r#"{"accept":null}"#), Ok(Form::Plain));
        assert_eq!(form_of(r#"{"accept":[]}"#), Ok(Form::Plain));
        assert_eq!(form_of(r#"{"accept":["Rich"]}"#), Ok(Form::Plain));
        assert_eq!(form_of(r#"{"accept":["later","rich"]}"#), Ok(Form::Rich));
    }

    #[test]
    fn words_are_few_and_short() {
        let words = |count: usize| {
            let list = vec![format!("\"{}\"", "ж".repeat(MAX_WORD_CHARS)); count];
            format!(r#"{{"accept":[{}]}}"#, list.join(","))
        };
        assert_eq!(form_of(&words(MAX_WORDS)), Ok(Form::Plain));
        assert_eq!(
            form_of(&words(MAX_WORDS + 1)),
            Err("meta.accept: expected a list of at most 8 entries".to_owned())
        );
        assert_eq!(
            form_of(r#"{"accept":["aaaaaaaaaaaaaaaaa"]}"#),
            Err("meta.accept: expected words of at most 16 characters".to_owned())
        );
        assert!(form_of(r#"{"accept":"rich"}"#).is_err());
        assert!(form_of(r#"{"accept":[1]}"#).is_err());
    }

    #[test]
    fn what_cannot_be_read_may_still_say_how_it_wants_to_hear_so() {
        let frame = br#"{"type":5,"meta":{"accept":["rich"]}}"#;
        assert_eq!(form_of_unreadable(frame), Form::Rich);
        assert_eq!(form_of_unreadable(br#"{"type":5}"#), Form::Plain);
        assert_eq!(form_of_unreadable(b"{"), Form::Plain);
    }
}
