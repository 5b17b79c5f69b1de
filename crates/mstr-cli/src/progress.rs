//! How far an export is, on standard error, where that is a terminal.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use mstr_rest::data::Data;

#[derive(Debug, Clone)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_message("waiting for the server");
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(Some(bar))
    }

    /// Shows what `data` tells.
    pub(crate) fn watch(&self, data: Data) -> Data {
        let Some(bar) = self.0.clone() else { return data };
        // the bar, once it is known how long it is
        let style = ProgressStyle::with_template(
            "[{bar:30}] {human_pos} of {human_len} rows, {msg}, {eta} left",
        );
        data.on_progress(move |so_far| {
            if bar.length().is_none()
                && let Ok(style) = &style
            {
                bar.set_style(style.clone().progress_chars("=> "));
            }
            bar.set_length(so_far.total_grid_rows);
            bar.set_position(so_far.grid_rows);
            bar.set_message(HumanBytes(so_far.bytes).to_string());
        })
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
