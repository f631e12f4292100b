//! The flags of `rejoin oidc`. Comments on its parts are its help.
#![allow(clippy::doc_markdown, reason = "help is shown as it is, without markup")]

use clap::{Args, Subcommand};

const LINK_EXAMPLES: &str = "\
Examples:
  rejoin oidc link studio --subject 248289761001 --email ana@luz.example
      who logs in there as 248289761001 is ana@luz.example here
  rejoin oidc unlink studio --subject 248289761001
      they are nobody here any more; logins that were made stay until `rejoin user password`

The subject is what the provider calls somebody, to the letter (`sub` in its ID tokens). Where it shows that to nobody, let
them try to log in: the server's log tells it.";

#[derive(Debug, Subcommand)]
pub(crate) enum OidcCommand {
    /// Let an organisation's people log in by its provider (OpenID Connect), and print the address to register there
    Add(OidcAdd),
    /// List the providers
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Remove a provider: nobody logs in by it any more; accounts and logins stay
    Remove {
        /// Its name
        name: String,
    },
    /// Let somebody whom the provider knows in, as the person with an email: without --by-email nobody else gets in
    #[command(after_help = LINK_EXAMPLES)]
    Link {
        /// The provider's name
        name: String,
        /// What the provider calls them: `sub` in its ID tokens
        #[arg(long, value_name = "SUBJECT")]
        subject: String,
        /// The email of the person, who is of the provider's organisation
        #[arg(long, value_name = "EMAIL")]
        email: String,
    },
    /// Take that away again
    #[command(after_help = LINK_EXAMPLES)]
    Unlink {
        /// The provider's name
        name: String,
        /// What the provider calls them
        #[arg(long, value_name = "SUBJECT")]
        subject: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OidcAdd {
    /// What it is called in addresses: small letters, digits and -
    pub(crate) name: String,
    /// The organisation of whoever logs in by it
    #[arg(long, value_name = "NAME")]
    pub(crate) organisation: String,
    /// The provider's issuer identifier, e.g. https://login.example
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// What Rejoin is called there
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: String,
    /// Read the client secret from the first line of standard input; without it Rejoin is a public client
    #[arg(long)]
    pub(crate) client_secret_stdin: bool,
    /// Where devices reach this installation, e.g. https://sync.example
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: String,
    /// An address of an app to which a login may return; several times for several
    #[arg(long, value_name = "URL")]
    pub(crate) return_to: Vec<String>,
    /// Whoever the provider knows by a verified email gets the account with that email, or a new one
    #[arg(long)]
    pub(crate) by_email: bool,
}
