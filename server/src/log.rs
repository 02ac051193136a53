//! Logs: lines for people, or one JSON object in each line for machines.
//!
//! An object has `time`, `level`, `target`, `message`, and then the fields of the spans around it
//! and its own, side by side: what `request` it was (`trace_id`), which `order_id`. Whatever
//! `RUST_LOG` says, only our own parts write more than `info`: the parts of others would write
//! headers and bodies, and those hold keys.

use saoma_server::LogFormat;
use serde_json::{Map, Value, json};
use std::fmt::{self, Debug};
use std::io::{self, IsTerminal as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// Logs go to standard error from now on.
///
/// `RUST_LOG` wins over `filter`.
pub(crate) fn init(filter: &str, format: Option<LogFormat>) {
    let is_terminal = io::stderr().is_terminal();
    let by_default = if is_terminal { LogFormat::Text } else { LogFormat::Json };
    // An empty variable counts as not set, as those of the configuration do.
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.is_empty());
    let wanted = wanted.and_then(|wanted| EnvFilter::try_new(wanted).ok());
    let wanted = wanted.unwrap_or_else(|| EnvFilter::new(filter));
    let lines = match format.unwrap_or(by_default) {
        LogFormat::Text => {
            let text = tracing_subscriber::fmt::layer().with_writer(io::stderr);
            text.with_ansi(is_terminal).boxed()
        }
        LogFormat::Json => Json { out: io::stderr }.boxed(),
    };
    let lines = lines.with_filter(filter_fn(may_be_written));
    tracing_subscriber::registry().with(lines).with(wanted).init();
}

/// Where a pool of connections says as an error, many times a second, that a new one was of no use.
/// What is wrong with it the store says, once: a failover must not fill the log.
const POOL: &str = "sqlx_core::pool::inner";

/// Our own parts may write everything, the parts of others `info` and above, but for [`POOL`].
fn may_be_written(line: &Metadata<'_>) -> bool {
    let (level, target) = (*line.level(), line.target());
    let is_said_elsewhere = target == POOL && level == Level::ERROR;
    is_ours(target) || level <= Level::INFO && !is_said_elsewhere
}

fn is_ours(target: &str) -> bool {
    ["saoma_server", "saoma_core"].iter().any(|ours| {
        let rest = target.strip_prefix(ours);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// One JSON object in each line.
struct Json<W> {
    out: fn() -> W,
}

/// The fields of a span, kept with it.
struct SpanFields(Map<String, Value>);

impl<S, W> Layer<S> for Json<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: io::Write + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(SpanFields(fields.0));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(kept) = extensions.get_mut::<SpanFields>() {
            let mut fields = Fields(std::mem::take(&mut kept.0));
            values.record(&mut fields);
            kept.0 = fields.0;
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(SpanFields(kept)) = span.extensions().get() {
                fields.0.extend(kept.clone());
            }
        }
        event.record(&mut fields);
        let mut line = line(event.metadata(), fields.0);
        line.push('\n');
        // Nobody may be reading: no reason to stop. One write, so that lines do not mix.
        let _ = (self.out)().write_all(line.as_bytes());
    }
}

fn line(metadata: &Metadata<'_>, mut fields: Map<String, Value>) -> String {
    let mut time = String::new();
    // Writing to a text cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let message = fields.remove("message").unwrap_or_default();
    let mut parts = vec![
        ("time", json!(time)),
        ("level", json!(metadata.level().as_str())),
        ("target", json!(metadata.target())),
        ("message", message),
    ];
    // What a line says itself comes first, under names that nothing else may take.
    let heads: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    fields.retain(|name, _| !heads.contains(&name.as_str()));
    let rest = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
    parts.extend(rest);
    let parts: Vec<String> =
        parts.into_iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", parts.join(","))
}

/// Fields as JSON values.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, json!(fmt::format(format_args!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, PoisonError};
    use tracing::{debug, error, error_span, info, trace};

    static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

    struct Written;

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
            written.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_an_object_with_the_fields_of_its_spans_and_others_are_kept_short() {
        let json = Json { out: || Written }.with_filter(filter_fn(may_be_written));
        let subscriber = tracing_subscriber::registry().with(json).with(EnvFilter::new("trace"));
        tracing::subscriber::with_default(subscriber, || {
            let _request = error_span!("request", trace_id = "t-1", order_id = "outer").entered();
            let text = "a \"quoted\" text\nof two lines";
            info!(order_id = "A", amount_fen = 1800, time = "mine", text, "an order");
            trace!(target: "saoma_core::native", "ours");
            debug!(target: "hyper::proto", "authorization: Bearer KEY");
            trace!(target: "sqlx::query", "bound: KEY");
            trace!(target: "saoma_server_of_others", "KEY");
            error!(target: POOL, "error returned from after_connect: KEY");
            info!(target: "sqlx::query", "slow");
        });
        let written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let written = String::from_utf8(written).unwrap();
        assert!(!written.contains("KEY"), "{written}");
        let lines: Vec<Value> =
            written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [order, ours, slow] = lines.as_slice() else { panic!("{written}") };
        assert!(written.starts_with("{\"time\":\"2"), "{written}");
        assert_ne!(order["time"], "mine");
        assert_eq!(order["message"], "an order");
        assert_eq!((&order["level"], &order["trace_id"]), (&json!("INFO"), &json!("t-1")));
        assert_eq!((&order["order_id"], &order["amount_fen"]), (&json!("A"), &json!(1800)));
        assert_eq!(order["text"], "a \"quoted\" text\nof two lines");
        assert_eq!((&ours["message"], &ours["trace_id"]), (&json!("ours"), &json!("t-1")));
        assert_eq!(slow["target"], "sqlx::query");
    }
}
