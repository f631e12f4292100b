//! Who somebody is: passwords, access tokens and families of refresh tokens. Policy only: rows, clock and entropy are
//! ports of [`sync_core`], so that every rule here runs in a plain test.
//!
//! ```
//! use auth::{PasswordConfig, PasswordHasher};
//!
//! # fn main() -> Result<(), auth::AuthError> {
//! # let mut config = PasswordConfig::default();
//! # config.memory_kib = 8;
//! let hasher = PasswordHasher::new(&config)?;
//! let stored = pollster::block_on(hasher.hash("correct horse", *b"sixteen byte sal"))?;
//! assert!(pollster::block_on(hasher.verify("correct horse", Some(&stored)))?);
//! assert!(!pollster::block_on(hasher.verify("correct horse", None))?, "nobody, after the same work");
//! # Ok(())
//! # }
//! ```

pub mod check;
mod error;
pub mod oidc;
mod password;
pub mod refresh;
pub mod throttle;
mod token;

pub use error::AuthError;
pub use password::{PasswordConfig, PasswordHasher, Slot};
pub use token::{ACCESS_MS, AccessToken, RefreshToken};
