//! Random command lines.

use std::ffi::OsString;

use proptest::prelude::*;

use crate::cli::parse;
use crate::cli::table::{self, GLOBAL, Spec};

fn any_word() -> impl Strategy<Value = String> {
    let known: Vec<String> = table::all()
        .flat_map(|spec| {
            spec.path
                .split(' ')
                .chain(Spec::all_flags(spec).map(|flag| flag.name))
        })
        .chain(GLOBAL.iter().map(|flag| flag.name))
        .map(str::to_owned)
        .collect();
    prop_oneof![
        proptest::sample::select(known),
        "\\PC{0,6}",
        "--?[a-z]{0,8}=?",
    ]
}

proptest! {
    #[test]
    fn any_command_line_is_a_command_or_a_sentence(line in proptest::collection::vec(any_word(), 0..6)) {
        if let Err(error) = parse(line.into_iter().map(OsString::from).collect()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
