//! Lists of members.

use super::profiles::{Found, picture_bytes};
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Form, PublicId};
use crate::store::members::{self, State};
use crate::store::{flows, users};

/// Maximum number of members in an answer.
const PAGE: usize = 100;

/// A request for members of a flow.
#[derive(Debug)]
pub struct MemberQuery {
    /// The last user of the previous page.
    pub after: Option<PublicId>,
    /// The beginning of the name or login.
    pub text: Option<String>,
    /// The state of the members: only moderators see invited or banned users.
    pub state: State,
}

impl Service {
    /// Returns the members of a flow, by level, then in the order of joining; in plain form with pictures.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of; [`Refusal::NotOwner`] for a
    /// member who may not list invited or banned users.
    pub async fn list_members(
        &self,
        user: &SignedIn,
        flow: PublicId,
        query: MemberQuery,
        form: Form,
    ) -> Result<Found, ServiceError> {
        let id = user.user();
        let limits = self.limits();
        self.store
            .read(move |view| {
                let access =
                    flows::access(view, flow, id)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                if query.state != State::Joined && !access.level.moderates() {
                    return Err(Refusal::NotOwner.into());
                }
                let mut after = match query.after {
                    None => None,
                    Some(uuid) => {
                        let user =
                            users::id_of(view, uuid)?.ok_or(Refusal::NotFound(Thing::User))?;
                        members::rank(view, access.id, user)?
                    }
                };
                let text = query.text.as_deref().map(str::to_lowercase);
                let mut found = Found {
                    users: Vec::new(),
                    incomplete: false,
                    seen: Vec::new(),
                };
                let mut left = limits.answer_bytes;
                loop {
                    let page = members::page(view, access.id, query.state, after, PAGE)?;
                    let Some((last, _)) = page.last().copied() else {
                        return Ok(found);
                    };
                    for (_, member) in page {
                        let Some(mut user) = users::by_id(view, member)? else {
                            continue;
                        };
                        if text.as_deref().is_some_and(|text| !begins(&user, text)) {
                            continue;
                        }
                        if found.users.len() == PAGE || left == 0 {
                            found.incomplete = true;
                            return Ok(found);
                        }
                        if !form.is_rich() {
                            users::load_avatar(view, &mut user)?;
                        }
                        left = left.saturating_sub(picture_bytes(&user));
                        found.users.push(user);
                    }
                    after = Some(last);
                }
            })
            .await
    }
}

/// Returns whether a word of a user's name or login begins with a text in lower case.
fn begins(user: &crate::model::User, text: &str) -> bool {
    let names = [Some(user.login.as_str()), user.username.as_deref()];
    let mut words = names.into_iter().flatten().flat_map(str::split_whitespace);
    words.any(|word| word.to_lowercase().starts_with(text))
}
