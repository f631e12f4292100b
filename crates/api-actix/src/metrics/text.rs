//! The text format of Prometheus, version 0.0.4 (its page "Exposition formats").

use std::fmt::{Display, Write as _};

/// What a family of samples is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A page that is being written, a family at a time.
#[derive(Default)]
pub(crate) struct Text {
    page: String,
    family: &'static str,
}

impl Text {
    /// Begins a family. Its samples follow.
    pub(crate) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        // writing to a string can't fail
        let _ = write!(self.page, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A sample of the family.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, value);
    }

    /// A histogram's samples: `counts` of the values up to each of `bounds` and above the one before, then of those above
    /// all.
    pub(crate) fn histogram(&mut self, labels: &[(&str, &str)], bounds: &[String], counts: &[u64], sum: impl Display) {
        let mut total = 0_u64;
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        for (bound, count) in bounds.zip(counts) {
            total = total.saturating_add(*count);
            self.line("_bucket", &[labels, &[("le", bound)]].concat(), total);
        }
        self.line("_sum", labels, sum);
        self.line("_count", labels, total);
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let page = &mut self.page;
        page.push_str(self.family);
        page.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            let _ = write!(page, "{}{name}=\"{}\"", if index == 0 { '{' } else { ',' }, escaped(value));
        }
        let _ = writeln!(page, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// The page.
    pub(crate) fn finish(self) -> String {
        self.page
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_the_format_says() {
        let mut text = Text::default();
        text.family("a_total", Kind::Counter, "All of a.");
        text.sample(&[("path", "/x\"\\\n"), ("status", "200")], 3);
        text.family("b", Kind::Histogram, "How much.");
        text.histogram(&[("lane", "w")], &["1".into(), "2".into()], &[1, 0, 4], 12.5);
        let expected = "# HELP a_total All of a.\n# TYPE a_total counter\na_total{path=\"/x\\\"\\\\\\n\",status=\"200\"} 3\n\
            # HELP b How much.\n# TYPE b histogram\nb_bucket{lane=\"w\",le=\"1\"} 1\nb_bucket{lane=\"w\",le=\"2\"} 1\n\
            b_bucket{lane=\"w\",le=\"+Inf\"} 5\nb_sum{lane=\"w\"} 12.5\nb_count{lane=\"w\"} 5\n";
        assert_eq!(text.finish(), expected);
    }
}
