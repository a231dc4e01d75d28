//! Exports the spans of requests to a collector, by OTLP over HTTP. Only in builds with the Cargo feature `otel`.
//!
//! It is configured by OpenTelemetry's standard variables, and off without `OTEL_EXPORTER_OTLP_ENDPOINT`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry::{Key, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// Where spans are sent. The first is a whole URL, the second the URL of a collector for all kinds of data.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
/// The name of the service, unless this variable names another.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// How long the end of the process waits for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(2);
/// The name of the spans that are exported, as `http/trace.rs` makes them.
const REQUEST: &str = "request";

/// The export of spans, from a thread of its own. The last spans are sent when it is dropped.
#[derive(Debug)]
pub(super) struct SpanExport(SdkTracerProvider);

impl SpanExport {
    /// Starts the export. `None` if no variable names a collector.
    pub(super) fn start() -> anyhow::Result<Option<Self>> {
        let set =
            |name: &&'static str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(|url| (*name, url));
        let Some((name, url)) = ENDPOINTS.iter().find_map(set) else { return Ok(None) };
        ensure!(url.starts_with("http://"), "{name}: spans are exported by http:// only, to a collector nearby");
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build().context(name)?;
        let exporter = RequestExporter { exporter, is_failing: AtomicBool::new(false) };
        let mut resource = Resource::builder();
        if std::env::var_os(SERVICE_NAME).is_none() {
            resource = resource.with_service_name(env!("CARGO_PKG_NAME"));
        }
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
        Ok(Some(Self(provider.build())))
    }

    /// The layer that hands spans to the export. It has no filter of its own: `tracing::enabled!`, which is asked
    /// before a line is made, leaves a filter of one layer in a state in which it drops the next span.
    pub(super) fn layer<S: Subscriber + for<'s> LookupSpan<'s>>(&self) -> impl Layer<S> + use<S> {
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer(env!("CARGO_PKG_NAME")));
        layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false)
    }
}

impl Drop for SpanExport {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_SPANS) {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

/// Sends the spans of requests under the names that OpenTelemetry has for HTTP. Logs when sending begins to fail,
/// and when it works again.
#[derive(Debug)]
struct RequestExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    is_failing: AtomicBool,
}

impl SpanExporter for RequestExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let requests: Vec<_> = batch.into_iter().filter(|span| span.name == REQUEST).map(as_http).collect();
        if requests.is_empty() {
            return Ok(());
        }
        let sent = self.exporter.export(requests).await;
        match (&sent, self.is_failing.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => tracing::warn!(%error, "spans cannot be exported; they are lost"),
            (Ok(()), true) => tracing::info!("spans are exported again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The span of a request by the conventions for HTTP servers: `POST /api/rooms/{id}/answer`.
fn as_http(mut span: SpanData) -> SpanData {
    // Lines of the log: at the level debug they tell the address of the client.
    span.events.events.clear();
    // The span has it as its own.
    span.attributes.retain(|attribute| attribute.key.as_str() != "trace");
    for attribute in &mut span.attributes {
        let name = match attribute.key.as_str() {
            "method" => "http.request.method",
            "url" => "http.route",
            "id" => "rejoin.request_id",
            _ => continue,
        };
        attribute.key = Key::from_static_str(name);
    }
    let value = |name: &str| span.attributes.iter().find(|one| one.key.as_str() == name).map(|one| &one.value);
    if let (Some(method), Some(route)) = (value("http.request.method"), value("http.route")) {
        span.name = format!("{method} {route}").into();
    }
    if let Some(Value::I64(500..)) = value("http.response.status_code") {
        span.status = Status::error("");
    }
    span.span_kind = SpanKind::Server;
    span
}
