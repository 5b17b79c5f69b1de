//! What a client is told on its command line.

use std::path::PathBuf;

use lexopt::ValueExt as _;
use lexopt::prelude::Long;

use crate::Result;

/// Options of all commands; each uses those it needs.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) client: String,
    pub(crate) base_url: String,
    /// The certificate of the server's CA, if it speaks TLS.
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) project: String,
    pub(crate) calls: usize,
    pub(crate) report: String,
    pub(crate) rows: usize,
    pub(crate) rounds: usize,
}

impl Options {
    pub(crate) fn parse(mut args: lexopt::Parser) -> Result<Self> {
        let mut options = Self { rounds: 5, ..Self::default() };
        while let Some(arg) = args.next()? {
            match arg {
                Long("client") => options.client = args.value()?.string()?,
                Long("base-url") => options.base_url = args.value()?.string()?,
                Long("ca") => options.ca = Some(std::fs::read(PathBuf::from(args.value()?))?),
                Long("user") => options.user = args.value()?.string()?,
                Long("password") => options.password = args.value()?.string()?,
                Long("project") => options.project = args.value()?.string()?,
                Long("calls") => options.calls = args.value()?.parse()?,
                Long("report") => options.report = args.value()?.string()?,
                Long("rows") => options.rows = args.value()?.parse()?,
                Long("rounds") => options.rounds = args.value()?.parse()?,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}
