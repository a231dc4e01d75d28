//! The trace that a request belongs to: the header `traceparent` of W3C Trace Context, version 00.

use actix_web::http::header::HeaderMap;

const TRACEPARENT: &str = "traceparent";

/// The trace of a request, and the span of the caller in it. Both are parts of the header, in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceParent<'a> {
    /// 32 digits.
    pub(super) trace: &'a str,
    /// 16 digits.
    pub(super) parent: &'a str,
    /// Whether the caller records the trace.
    pub(super) is_sampled: bool,
}

impl<'a> TraceParent<'a> {
    /// The trace of the request with these headers. `None` if it names none, names one in a wrong form, or
    /// has the header twice: a header that can't be relied on counts as missing.
    pub(super) fn of(headers: &'a HeaderMap) -> Option<Self> {
        let mut all = headers.get_all(TRACEPARENT);
        let only = all.next().filter(|_| all.next().is_none())?;
        Self::parse(only.to_str().ok()?)
    }

    /// Reads `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, in lower case, with neither id all zeros.
    fn parse(text: &'a str) -> Option<Self> {
        let (trace, rest) = text.strip_prefix("00-")?.split_once('-')?;
        let (parent, flags) = rest.split_once('-')?;
        let is_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_id = |text: &str, length: usize| is_hex(text, length) && text.bytes().any(|byte| byte != b'0');
        if !is_id(trace, 32) || !is_id(parent, 16) || !is_hex(flags, 2) {
            return None;
        }
        let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace, parent, is_sampled })
    }

    /// Makes the caller's span the parent of `span`, for the exporter.
    #[cfg(feature = "otel")]
    pub(super) fn adopt(&self, span: &tracing::Span) {
        use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
        use tracing_opentelemetry::OpenTelemetrySpanExt;

        let (Ok(trace), Ok(parent)) = (TraceId::from_hex(self.trace), SpanId::from_hex(self.parent)) else { return };
        let flags = if self.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let caller = SpanContext::new(trace, parent, flags, true, TraceState::default());
        // Fails only where no layer exports spans.
        let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(caller));
    }
}

/// Adds the status of the reply to the exported span of the request.
#[cfg(feature = "otel")]
pub(super) fn export_status(status: u16) {
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    tracing::Span::current().set_attribute("http.response.status_code", i64::from(status));
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn headers(values: &[&str]) -> HeaderMap {
        let name = HeaderName::from_static(TRACEPARENT);
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).expect("a value"))).collect()
    }

    #[test]
    fn a_good_header_names_its_trace_and_its_caller() {
        for (flags, is_sampled) in [("01", true), ("00", false), ("03", true), ("fe", false)] {
            let headers = headers(&[&format!("00-{TRACE}-{PARENT}-{flags}")]);
            assert_eq!(TraceParent::of(&headers), Some(TraceParent { trace: TRACE, parent: PARENT, is_sampled }));
        }
    }

    #[test]
    fn a_bad_header_counts_as_missing() {
        let zeros = (["0"; 32].concat(), ["0"; 16].concat());
        let bad = [
            String::new(),
            "00".to_owned(),
            format!("01-{TRACE}-{PARENT}-01"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("0-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", PARENT.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-0A"),
            format!("00-{}-{PARENT}-01", zeros.0),
            format!("00-{TRACE}-{}-01", zeros.1),
            format!("00-{}-{PARENT}-01", &TRACE[1..]),
            format!("00-{TRACE}0-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &PARENT[1..]),
            format!("00-{TRACE}-{PARENT}0-01"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-011"),
            format!("00-{TRACE}-{PARENT}-01-extra"),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-"),
            format!("00-{}g-{PARENT}-01", &TRACE[1..]),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01\u{e9}"),
        ];
        for text in bad {
            assert_eq!(TraceParent::of(&headers(&[&text])), None, "{text}");
        }
    }

    #[test]
    fn a_missing_header_and_one_that_comes_twice_name_no_trace() {
        let good = format!("00-{TRACE}-{PARENT}-01");
        assert_eq!(TraceParent::of(&headers(&[])), None);
        assert_eq!(TraceParent::of(&headers(&[&good, &good])), None);
    }
}
