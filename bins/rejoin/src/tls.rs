//! TLS by rustls, with ring. The certificate is read again on SIGHUP: connections that are open keep theirs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    /// The certificate, and those that vouch for it, in PEM.
    pub(crate) cert: PathBuf,
    /// Its private key, in PEM.
    pub(crate) key: PathBuf,
}

/// The certificate that connections get.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: Files,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// [`Failure::Input`] when they can't be read or don't belong together.
    pub(crate) fn load(files: &Files) -> Result<Arc<Self>, Failure> {
        let current = RwLock::new(read(files)?);
        Ok(Arc::new(Self { files: files.clone(), current }))
    }

    /// What a server needs to speak TLS with it: 1.2 and 1.3.
    ///
    /// # Errors
    /// [`Failure::Failed`] when rustls can't be set up.
    pub(crate) fn config(self: &Arc<Self>) -> Result<ServerConfig, Failure> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| Failure::Failed(format!("TLS can't be spoken: {error}")))?;
        let resolver: Arc<dyn ResolvesServerCert> = self.clone();
        Ok(builder.with_no_client_auth().with_cert_resolver(resolver))
    }

    /// Reads the files again, at each SIGHUP, for as long as the server runs. What can't be used changes nothing.
    pub(crate) async fn keep_current(self: Arc<Self>) {
        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => return tracing::warn!(%error, "SIGHUP can't be received; a new certificate needs a new start"),
        };
        while hangups.recv().await.is_some() {
            match read(&self.files) {
                Ok(new) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
                    tracing::info!("the certificate was read again");
                }
                Err(error) => tracing::error!(%error, "the new certificate can't be used; the old one stays"),
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(files: &Files) -> Result<Arc<CertifiedKey>, Failure> {
    let unusable = |key: &str, path: &Path, why: &dyn std::fmt::Display| {
        Failure::Input(format!("`{key}`: {} can't be used: {why}; give a file in PEM that the server may read", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| unusable("tls.cert", &files.cert, &error))?;
    if chain.is_empty() {
        return Err(unusable("tls.cert", &files.cert, &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable("tls.key", &files.key, &error))?;
    let certified = CertifiedKey::from_der(chain, key, &default_provider());
    Ok(Arc::new(certified.map_err(|error| unusable("tls.key", &files.key, &format!("with {}: {error}", files.cert.display())))?))
}
