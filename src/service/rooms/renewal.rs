//! Short-lived tokens, which are renewed with a refresh token.

use std::time::Duration;

use crate::auth::Token;
use crate::model::SessionId;
use crate::service::{Refusal, Service, ServiceError};
use crate::store::{room_renewals, sessions};

/// The lifetime of a renewable token.
const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// The result of a renewal.
#[derive(Debug)]
pub struct Renewed {
    /// The token for the next renewal.
    pub refresh: Token,
    /// The lifetime of the access token.
    pub life: Duration,
}

impl Service {
    /// Makes the token of a new session short-lived and renewable.
    ///
    /// # Errors
    /// [`Refusal::NoSession`]; fails if the database cannot be written.
    pub async fn begin_renewing(&self, token: &Token) -> Result<Renewed, ServiceError> {
        let (hash, refresh) = (Token::hash_of(token.as_str()), Token::mint());
        let kept = Token::hash_of(refresh.as_str());
        self.store
            .write(move |tx| {
                let session = sessions::find(tx, &hash, tx.now())?.ok_or(Refusal::NoSession)?;
                let until = tx.now().after(TOKEN_LIFE);
                Ok::<_, ServiceError>(room_renewals::begin(tx, session.id, &kept, until)?)
            })
            .await?;
        let life = TOKEN_LIFE;
        Ok(Renewed { refresh, life })
    }

    /// Creates a new token for a refresh token. The previous token stays valid until the new one is used.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] for an unknown refresh token; fails if the database cannot be written.
    pub async fn renew_token(&self, refresh: &str) -> Result<(Token, Renewed), ServiceError> {
        let shown = Token::hash_of(refresh);
        let is_known = self
            .store
            .read(move |view| Ok::<_, ServiceError>(room_renewals::renews(view, &shown)?))
            .await?;
        if !is_known {
            return Err(Refusal::NoSession.into());
        }
        let (token, refresh) = (Token::mint(), Token::mint());
        let pair = [&token, &refresh].map(|it| Token::hash_of(it.as_str()));
        let ttl = self.settings.token_ttl;
        let gone = self
            .store
            .write(move |tx| {
                let ends = (tx.now().after(TOKEN_LIFE), tx.now().after(ttl));
                let gone = room_renewals::renew(tx, &shown, pair.into(), ends)?;
                Ok::<_, ServiceError>(gone.ok_or(Refusal::NoSession)?)
            })
            .await?;
        for hash in &gone {
            self.gate.forget(hash);
        }
        let life = TOKEN_LIFE;
        Ok((token, Renewed { refresh, life }))
    }

    /// Ends the predecessor of a token that is in use now.
    pub(in crate::service) async fn settle_token(
        &self,
        session: SessionId,
        hash: [u8; 32],
    ) -> Result<(), ServiceError> {
        let gone = self
            .store
            .write(move |tx| Ok::<_, ServiceError>(room_renewals::settle(tx, session, &hash)?))
            .await?;
        if let Some(hash) = gone {
            self.gate.forget(&hash);
        }
        Ok(())
    }
}
