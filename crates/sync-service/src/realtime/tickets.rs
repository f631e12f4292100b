//! Tickets: what opens a connection where no header can be sent, as from a browser. Good once, for half a minute.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sync_core::ports::{Access, AccessGrant, Footing};
use sync_core::protocol::v1::realtime::TicketGrant;
use sync_core::{Code, Problem};

use crate::digest::sha256;
use crate::{Caller, Service, ServiceResult, access};

/// How long a ticket is good, in milliseconds.
const TICKET_MS: i64 = 30_000;
/// What a ticket begins with.
const PREFIX: &str = "rjt_";

impl Service {
    /// A ticket for the caller's login. Only its hash is stored.
    ///
    /// # Errors
    /// The store's.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn issue_ticket(&self, caller: &Caller) -> ServiceResult<TicketGrant> {
        let (mut secret, now, session_id) = ([0; 32], self.now(), caller.session_id);
        self.entropy.fill(&mut secret);
        let hash = sha256(&secret);
        let store = self.store.transact(caller.write(), move |tx| {
            tx.drop_tickets(now)?;
            tx.insert_ticket(&hash, session_id, now.plus_ms(TICKET_MS))
        });
        store.await?;
        Ok(TicketGrant { ticket: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret)), expires_in_s: TICKET_MS / 1_000 })
    }

    /// Who holds a ticket. It is used up.
    ///
    /// # Errors
    /// `unauthenticated` when it is unknown, was used or is over, its session ended, or its device revoked: all alike.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn redeem_ticket(&self, ticket: &str) -> ServiceResult<Caller> {
        let refused =
            || Problem::new(Code::Unauthenticated, "The ticket is unknown, was used or is over. Ask for another, and keep the outbox.");
        let secret = ticket.strip_prefix(PREFIX).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or_else(refused)?;
        let (hash, now) = (sha256(&secret), self.now());
        let take = self.store.transact(Access::Write, move |tx| match tx.take_ticket(&hash)? {
            Some((session_id, ends_at)) if now < ends_at => tx.find_session_grant(session_id),
            _ => Ok(None),
        });
        let grant = take.await?.filter(|grant| grant.footing != Footing::Ended && now < grant.expires_at).ok_or_else(refused)?;
        access::admit(grant.footing)?;
        let AccessGrant { session_id, organisation_id, user_id, device_id, admin, .. } = grant;
        Ok(Caller { organisation_id, user_id, device_id, session_id, admin, trace: None })
    }
}
