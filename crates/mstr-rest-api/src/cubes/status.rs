//! The state of a cube: a bit vector.

use std::fmt;

/// The state of a cube, as the header `X-MSTR-CubeStatus` has it. The number is kept: bits that
/// this version does not know are not lost. The bits are those of the vendor's client.
///
/// ```
/// use mstr_rest_api::CubeStatus;
///
/// let status = CubeStatus::from_bits(2 + 32 + 64);
/// assert!(status.is_published() && !status.is_processing());
/// assert_eq!(status.to_string(), "active, loaded, ready");
/// assert_eq!(status.bits(), 98);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct CubeStatus(u32);

const PROCESSING: u32 = 1;
const ACTIVE: u32 = 2;
const LOADED: u32 = 32;
const READY: u32 = 64;
const LOAD_PENDING: u32 = 128;
const PENDING_FOR_ENGINE: u32 = 512;

const NAMES: [(u32, &str); 12] = [
    (PROCESSING, "processing"),
    (ACTIVE, "active"),
    (4, "persisted"),
    (8, "dirty info"),
    (16, "dirty"),
    (LOADED, "loaded"),
    (READY, "ready"),
    (LOAD_PENDING, "load pending"),
    (256, "unload pending"),
    (PENDING_FOR_ENGINE, "pending for engine"),
    (1024, "imported"),
    (2048, "foreign"),
];

impl CubeStatus {
    /// From the server's number.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The server's number.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// It is being published or refreshed, or waits for that.
    pub fn is_processing(self) -> bool {
        self.0 & (PROCESSING | LOAD_PENDING | PENDING_FOR_ENGINE) != 0
    }

    /// It was published: it is active, loaded or ready, whatever else goes on.
    pub fn is_published(self) -> bool {
        self.0 & (ACTIVE | LOADED | READY) != 0
    }

    /// It is in memory.
    pub fn is_loaded(self) -> bool {
        self.0 & LOADED != 0
    }

    /// It can be read.
    pub fn is_ready(self) -> bool {
        self.0 & READY != 0
    }
}

/// The names of the bits; the number of those without a name.
impl fmt::Display for CubeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut names = Vec::new();
        for (bit, name) in NAMES {
            if rest & bit != 0 {
                rest &= !bit;
                names.push(name.to_owned());
            }
        }
        if rest != 0 || self.0 == 0 {
            names.push(if rest == 0 { "not published".to_owned() } else { rest.to_string() });
        }
        f.write_str(&names.join(", "))
    }
}
