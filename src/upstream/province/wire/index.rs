//! The index as it stands on the wire.
//!
//! Promise: what is read is checked for what the protocol promises: station, versions, sizes, contiguous serials. Never: a signature; it has been
//! verified before.

use chrono::DateTime;
use chrono::FixedOffset;
use serde::Deserialize;
use uuid::Uuid;

use super::FORMAT;
use super::MAX_SEALED;
use super::MAX_WHOLE;
use crate::domain::roster::FeedFile;
use crate::domain::roster::Index;
use crate::domain::roster::Serial;
use crate::domain::roster::SessionId;
use crate::domain::roster::Sha256Digest;
use crate::domain::roster::SignerId;
use crate::upstream::Fault;

#[derive(Deserialize)]
struct IndexDto {
    station: String,
    session: Uuid,
    serial: u64,
    as_of: DateTime<FixedOffset>,
    published_at: DateTime<FixedOffset>,
    expires_at: DateTime<FixedOffset>,
    protocol: ProtocolDto,
    state_sha256: String,
    snapshot: FileDto,
    deltas: Vec<FileDto>,
}

#[derive(Deserialize)]
struct ProtocolDto {
    min: u32,
    max: u32,
}

#[derive(Deserialize)]
struct FileDto {
    serial: u64,
    bytes: u64,
    sha256: String,
}

impl FileDto {
    fn read(&self) -> Result<FeedFile, Fault> {
        if self.bytes > MAX_SEALED {
            return Err(Fault::TooLarge);
        }
        let sha256 = Sha256Digest::parse(&self.sha256).map_err(|_| Fault::Index)?;
        Ok(FeedFile { serial: Serial(self.serial), bytes: self.bytes, sha256 })
    }
}

/// Reads an index whose signature has been verified, with the key of this name.
pub fn read_index(bytes: &[u8], station: &str, signed_by: SignerId) -> Result<Index, Fault> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    // The format first: of another one nothing else is known.
    let Format { format } = serde_json::from_slice(bytes).map_err(|_| Fault::Index)?;
    if format != FORMAT {
        return Err(Fault::UnknownFormat);
    }
    let dto: IndexDto = serde_json::from_slice(bytes).map_err(|_| Fault::Index)?;
    if dto.station != station {
        return Err(Fault::OtherStation);
    }
    if !(dto.protocol.min..=dto.protocol.max).contains(&FORMAT) {
        return Err(Fault::UnknownFormat);
    }
    let snapshot = dto.snapshot.read()?;
    let deltas = dto.deltas.iter().map(FileDto::read).collect::<Result<Vec<_>, _>>()?;
    let serials = deltas.iter().map(|file| file.serial.0);
    let count = u64::try_from(deltas.len()).unwrap_or(u64::MAX);
    let whole = (1..=MAX_WHOLE).contains(&dto.serial)
        && snapshot.serial.0 == dto.serial
        && count < dto.serial
        && serials.eq(dto.serial - count + 1..=dto.serial);
    if !whole {
        return Err(Fault::Index);
    }
    Ok(Index {
        session: SessionId(dto.session),
        serial: Serial(dto.serial),
        as_of: dto.as_of.to_utc(),
        published_at: dto.published_at.to_utc(),
        signed_by,
        expires_at: dto.expires_at.to_utc(),
        state: Sha256Digest::parse(&dto.state_sha256).map_err(|_| Fault::Index)?,
        snapshot,
        deltas,
    })
}
