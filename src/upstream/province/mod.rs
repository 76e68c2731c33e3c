//! The province over its own protocol (`tests/provincial/README.md`).
//!
//! * [`wire`]: the messages as they are written, and their conversions
//! * [`feed`]: signature, seal, packing, lines
//! * [`https`]: the connection
//! * [`enrol`]: the one conversation before there is a certificate
//! * [`keychain`]: the key that signs the index, and how another one follows it
//! * [`probe`]: whether the province is there, for whoever examines a station
//! * [`seal`]: what a station seals and signs itself
//! * [`stick`]: the province on a USB stick
//! * [`wipe`]: an order to give up all that this computer holds

pub mod enrol;
pub mod feed;
pub mod https;
pub mod keychain;
pub mod probe;
pub mod seal;
pub mod stick;
pub mod wipe;
pub mod wire;
