//! What the client logs. Every case has a thread of its own, and with it a log of its own.

use std::cell::RefCell;
use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// What one case made the client log.
#[derive(Default, Clone)]
pub(crate) struct Log {
    pub(crate) events: Vec<Entry>,
    /// Fields of spans.
    pub(crate) spans: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) level: Level,
    pub(crate) message: String,
    /// All fields, the message too.
    pub(crate) text: String,
    /// What an event about a retry says of its wait.
    pub(crate) delay: Option<f64>,
}

thread_local! {
    static LOG: RefCell<Log> = RefCell::default();
}

/// Records the client's events from now on, in every thread.
pub(crate) fn install() -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Recorder))
}

/// What this thread logged since the last time.
pub(crate) fn take() -> Log {
    LOG.take()
}

/// The log of this thread as it is now.
pub(crate) fn snapshot() -> Log {
    LOG.with_borrow(Clone::clone)
}

struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let target = metadata.target();
        let ours = target.starts_with("mstr_") && !target.starts_with("mstr_conformance");
        ours || target.starts_with("reqwest") || target.starts_with("cookie_store")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let entry = Entry {
            level: *event.metadata().level(),
            message: fields.message,
            text: fields.text,
            delay: fields.delay,
        };
        LOG.with_borrow_mut(|log| log.events.push(entry));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        LOG.with_borrow_mut(|log| log.spans.push(fields.text));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        LOG.with_borrow_mut(|log| log.spans.push(fields.text));
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    text: String,
    delay: Option<f64>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
        // writing to a String does not fail
        let _ = write!(self.text, "{}={value:?} ", field.name());
    }

    #[allow(clippy::cast_precision_loss, reason = "waits are short")]
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "delay_ms" {
            self.delay = Some(value as f64 / 1000.0);
        }
        self.record_debug(field, &value);
    }
}
