//! `mstr whoami`.

use clap::Args;
use mstr_rest::prelude::*;

use crate::{
    context::Context,
    failure::{Result, printable},
    output::{self, Record},
};

/// Show who is logged in.
#[derive(Args, Debug)]
pub(crate) struct Whoami {
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Whoami {
    pub(crate) async fn run(self, context: &Context) -> Result {
        context
            .with_session(async |session| {
                let user = session.user_info().await?;
                if self.json {
                    let mut record = Record::default();
                    record.say("id", user.id);
                    record.say("full_name", user.full_name);
                    return output::print_json(&record, false);
                }
                output::print_line(&format!(
                    "{}\t{}",
                    printable(&user.full_name),
                    printable(&user.id)
                ))
            })
            .await
    }
}
