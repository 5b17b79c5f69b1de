//! Which request failed: the client's spans tell, and errors name it.

use std::{
    fmt::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// The last request that failed, as `GET https://host/MicroStrategyLibrary/api/projects`.
static FAILED: Mutex<Option<String>> = Mutex::new(None);

/// The last request that failed, without its query.
pub(crate) fn last_failed() -> Option<String> {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Notes the requests that fail.
pub(crate) struct Failed;

/// Method and URL of an attempt.
#[derive(Debug, Default)]
struct Sent {
    method: String,
    url: String,
    failed: bool,
}

impl Visit for Sent {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = match field.name() {
            "http.request.method" => &mut self.method,
            "url.full" => &mut self.url,
            "error.type" => {
                self.failed = true;
                return;
            }
            _ => return,
        };
        text.clear();
        let _ = write!(text, "{value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Failed {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == "mstr_attempt"
            && let Some(span) = context.span(id)
        {
            let mut sent = Sent::default();
            attributes.record(&mut sent);
            span.extensions_mut().insert(sent);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(sent) = extensions.get_mut::<Sent>() else { return };
        values.record(sent);
        if sent.failed {
            let url = sent.url.split(['?', '#']).next().unwrap_or_default();
            *FAILED.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(format!("{} {url}", sent.method));
        }
    }
}
