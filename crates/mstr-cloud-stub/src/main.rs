//! The stubs of Azure and Google as a program, for clients in other languages.
//!
//! `mstr-cloud-stub --ca-out FILE` writes the CA of its certificate, prints where it listens, and
//! runs until it is killed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool prints")]

use std::{error::Error, fs, path::PathBuf, thread};

use lexopt::prelude::Long;
use mstr_cloud_stub::{Azure, Gcp, Reply, Responder, control, tls::TlsFront};

fn main() -> Result<(), Box<dyn Error>> {
    let mut ca_out = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("ca-out") => ca_out = Some(PathBuf::from(arguments.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let (azure, gcp) = (Azure::default(), Gcp::default());
    let server = Responder::start(move |request| {
        let answer = control::answer(&azure, &gcp, request);
        let answer = answer.or_else(|| azure.answer(request)).or_else(|| gcp.answer(request));
        answer.unwrap_or_else(|| {
            eprintln!("no such endpoint: {} {}", request.method, request.path);
            Reply::status(404)
        })
    });
    let front = TlsFront::start(server.address());
    if let Some(path) = ca_out {
        fs::write(path, front.ca_pem())?;
    }
    println!("listening on {} {}", front.url(), server.url());
    loop {
        thread::park();
    }
}
