//! The spans of a nightly job, as OpenTelemetry gets them.
//!
//! `cargo run -p mstr-examples --features otel --example otel` talks to a simulated server, which
//! fails once so that a retry is seen; set `MSTR_BASE_URL` and the variables of the quickstart for a
//! real one.
//!
//! The client makes spans with `tracing`; `tracing-opentelemetry` turns them into OpenTelemetry's. This
//! example prints each span when it ends. A program would give the provider an OTLP exporter instead.
#![allow(clippy::print_stdout)]

use std::time::{Duration, SystemTime};

use mstr_examples::Place;
use mstr_rest::prelude::*;
use mstr_sim::{Fault, Method};
use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind, Status, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Instrument;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = SdkTracerProvider::builder().with_simple_exporter(Print).build();
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("nightly"));
    // the spans of the client are of the level DEBUG
    tracing_subscriber::registry().with(spans.with_filter(LevelFilter::DEBUG)).init();

    nightly_job().instrument(tracing::info_span!("nightly job")).await?;
    provider.shutdown()?;
    Ok(())
}

async fn nightly_job() -> Result<(), Box<dyn std::error::Error>> {
    let place = Place::find().await?;
    if let Some(server) = &place.simulated {
        server.inject(Fault::html(503).on(Method::GET, "/projects").times(1));
    }
    let builder = place.builder.retry(RetryPolicy::default().base_delay(Duration::from_millis(20)));
    let count = with_session(builder, async |session| {
        // a report that does not exist: the span has the server's code and ticket
        let missing = session.get("v2/reports").segment("0123456789ABCDEF0123456789ABCDEF").await;
        tracing::info!(found = missing.is_ok(), "looked for a report");
        Ok(session.projects().list().await?.len())
    })
    .await?;
    println!("{count} projects");
    Ok(())
}

/// Prints a span when it ends, so a span stands below the spans inside it.
#[derive(Debug)]
struct Print;

impl SpanExporter for Print {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            let nested = span.parent_span_id != SpanId::INVALID;
            let kind = if span.span_kind == SpanKind::Client { "client" } else { "internal" };
            let failed = if matches!(span.status, Status::Error { .. }) { "  ERROR" } else { "" };
            println!(
                "{}{} ({kind}, {} ms){failed}",
                if nested { "  " } else { "" },
                span.name,
                milliseconds(span.start_time, span.end_time),
            );
            for attribute in &span.attributes {
                let name = attribute.key.as_str();
                if ["http.", "server.", "url.", "error.", "mstr."]
                    .iter()
                    .any(|p| name.starts_with(p))
                {
                    println!("      {name} = {}", text(&attribute.value));
                }
            }
        }
        Ok(())
    }
}

fn text(value: &Value) -> String {
    value.as_str().into_owned()
}

fn milliseconds(start: SystemTime, end: SystemTime) -> u128 {
    end.duration_since(start).unwrap_or_default().as_millis()
}
