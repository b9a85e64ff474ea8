//! Values as every frame writes them.

use serde::{Serialize, Serializer};

use crate::model::PublicId;

/// An id as decimal text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(pub(super) PublicId);

impl Default for Id {
    fn default() -> Self {
        Self(PublicId::NOTHING)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
