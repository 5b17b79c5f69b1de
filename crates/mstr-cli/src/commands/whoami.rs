//! `mstr whoami`.

use clap::Args;
use mstr_rest::prelude::*;
use serde_json::json;

use crate::{context::Context, failure::Result, output};

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
                    return output::print_json(
                        &json!({"id": user.id, "full_name": user.full_name}),
                    );
                }
                output::print_line(&format!(
                    "{}\t{}",
                    output::printable(&user.full_name),
                    output::printable(&user.id)
                ))
            })
            .await
    }
}
