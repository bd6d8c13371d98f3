//! The line under TLS, with the certificates of the machine, as the calls over HTTPS.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::session::Wire;

/// Longest wait for the other side to show its certificate.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);

/// Puts TLS over a connection; the certificate has to be the host's.
pub(super) async fn over(stream: TcpStream, host: &str) -> Result<Box<dyn Wire>, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.with_platform_verifier();
    let config = builder.map_err(|error| error.to_string())?.with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host:?} is no name for a certificate"))?;
    let handshake = timeout(HANDSHAKE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    let stream = handshake.map_err(|_| "no TLS within 10 seconds".to_owned())?.map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
}
