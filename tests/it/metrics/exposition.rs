//! Reads the text format.

use std::collections::BTreeMap;

pub(super) type Labels = BTreeMap<String, String>;

/// What a scrape has returned.
pub(super) struct Exposition {
    pub(super) text: String,
    /// Types by name.
    pub(super) kinds: BTreeMap<String, String>,
    /// Help texts by name.
    pub(super) helps: BTreeMap<String, String>,
    /// Name, labels and value of every sample.
    pub(super) samples: Vec<(String, Labels, f64)>,
}

impl Exposition {
    pub(super) fn parse(text: &str) -> Self {
        let (mut kinds, mut helps, mut samples) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let [what, name, rest] = comment.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
                let all = if what == "TYPE" { &mut kinds } else { &mut helps };
                assert_eq!(all.insert(name.to_owned(), rest.to_owned()), None, "{name} stands there twice");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = parse_labels(labels.strip_suffix('}').expect("the end of the labels"));
            let is_twice = samples.iter().any(|(other, of, _)| other == name && *of == labels);
            assert!(!is_twice, "{series} stands there twice");
            samples.push((name.to_owned(), labels, value.parse().expect("a number")));
        }
        Self { text: text.to_owned(), kinds, helps, samples }
    }

    /// The labels of all samples of a metric, those of a histogram's parts included.
    pub(super) fn labels_of(&self, metric: &str) -> impl Iterator<Item = &Labels> {
        let is_of = move |name: &str| {
            name.strip_prefix(metric).is_some_and(|part| matches!(part, "" | "_bucket" | "_sum" | "_count"))
        };
        self.samples.iter().filter(move |(name, ..)| is_of(name)).map(|(_, labels, _)| labels)
    }

    /// The sum of the samples of this name that have these labels. Fails if there is none.
    #[track_caller]
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |of: &Labels| labels.iter().all(|(label, value)| of.get(*label).is_some_and(|it| it == value));
        let found: Vec<_> = self.samples.iter().filter(|(known, of, _)| known == name && has(of)).collect();
        assert!(!found.is_empty(), "no {name} {labels:?}");
        found.iter().map(|(.., value)| value).sum()
    }
}

fn parse_labels(text: &str) -> Labels {
    let mut labels = Labels::new();
    let mut rest = text;
    while let Some((name, more)) = rest.split_once("=\"") {
        let (value, more) = more.split_once('"').expect("the end of a value");
        labels.insert(name.to_owned(), value.to_owned());
        rest = more.strip_prefix(',').unwrap_or(more);
    }
    labels
}
