//! Stub until the page is merged.
use crate::desk::Desk;
use std::sync::Arc;
/// Stub.
pub struct Reception;
impl Reception {
    /// Stub.
    pub fn new(_desk: Desk, _hosts: Vec<String>, _alarms: Arc<dyn Fn() -> Vec<String> + Send + Sync>) -> Self {
        Self
    }
}
/// Stub.
pub async fn serve(_l: tokio::net::TcpListener, _p: Reception, stop: tokio_util::sync::CancellationToken) -> std::io::Result<()> {
    stop.cancelled().await;
    Ok(())
}
