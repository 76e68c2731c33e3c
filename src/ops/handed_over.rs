//! The page's listener, where systemd has made it (`bhyt-agent-page.socket`).
//!
//! Promise: at most one listener, for this process only. Never: a guess which of several is meant.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;

/// The listener that systemd hands over, ready for the runtime; none where it makes none.
pub fn listener() -> io::Result<Option<TcpListener>> {
    let mut handed = ListenFd::from_env();
    if handed.len() > 1 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "systemd hands over more than one socket"));
    }
    let listener = handed.take_tcp_listener(0)?;
    if let Some(listener) = &listener {
        listener.set_nonblocking(true)?;
    }
    Ok(listener)
}
