//! The queries of `deploy/alerts.yml` and `deploy/grafana.json`, held against what a server exposes.

use std::collections::BTreeSet;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use super::exposition::Exposition;

/// Labels that Prometheus adds to every series.
const OF_THE_TARGET: [&str; 2] = ["job", "instance"];
/// A series that no `/metrics` has: it is Prometheus' own.
const FROM_ELSEWHERE: [&str; 1] = ["up"];

/// The alerts: name and query.
pub(super) fn alerts() -> Vec<(String, String)> {
    let rules: Value = yaml_serde::from_str(&deployed("alerts.yml")).expect("YAML");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let rules = rules["groups"][0]["rules"].as_array().expect("rules");
    rules.iter().map(|rule| (text(&rule["alert"]), text(&rule["expr"]))).collect()
}

/// The queries of the dashboard, each with its place and the legend that is made of its labels.
fn panels() -> Vec<(String, String, String)> {
    let dashboard: Value = serde_json::from_str(&deployed("grafana.json")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        assert_ne!((&panel["type"], &panel["targets"]), (&"timeseries".into(), &Value::Null), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((text(&panel["title"]), text(&target["expr"]), text(&target["legendFormat"])));
        }
    }
    for start in dashboard["annotations"]["list"].as_array().expect("annotations") {
        queries.push(("annotations".to_owned(), text(&start["expr"]), text(&start["titleFormat"])));
    }
    assert!(queries.len() > 20, "the panels were not found");
    queries
}

fn deployed(file: &str) -> String {
    std::fs::read_to_string(format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"))).expect("it is there")
}

/// Checks that every query is valid, and selects metrics, labels and values that were found.
pub(super) fn select_what_there_is(found: &Exposition) {
    for (alert, query) in alerts() {
        check(&alert, &query, "", found);
    }
    for (panel, query, legend) in panels() {
        let query = query.replace("$instance", ".*").replace("$__rate_interval", "1m");
        check(&panel, &query, &legend, found);
    }
}

fn check(place: &str, query: &str, legend: &str, found: &Exposition) {
    let parsed = parser::parse(query).unwrap_or_else(|error| panic!("{place}: {query}: {error}"));
    let mut used = Used { found, place, known: BTreeSet::from(OF_THE_TARGET.map(str::to_owned)), named: Vec::new() };
    walk_expr(&mut used, &parsed).expect("it never fails");
    // A legend names labels as {{this}}.
    let of_legend = legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or_default().to_owned());
    for label in used.named.iter().cloned().chain(of_legend) {
        assert!(used.known.contains(&label), "{place}: {query}: no series has the label {label}");
    }
}

/// What a query uses.
struct Used<'a> {
    found: &'a Exposition,
    place: &'a str,
    /// Labels of the series that it selects.
    known: BTreeSet<String>,
    /// Labels that it groups or joins by.
    named: Vec<String>,
}

impl ExprVisitor for Used<'_> {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        match expr {
            Expr::VectorSelector(selector) => self.selects(selector),
            Expr::MatrixSelector(selector) => self.selects(&selector.vs),
            Expr::Aggregate(aggregate) => {
                let labels = aggregate.modifier.iter().flat_map(|modifier| modifier.labels().labels.clone());
                self.named.extend(labels);
            }
            Expr::Binary(binary) => {
                let matching = binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
                self.named.extend(matching.into_iter().flat_map(|labels| labels.labels().labels.clone()));
            }
            _ => {}
        }
        Ok(true)
    }
}

impl Used<'_> {
    fn selects(&mut self, selector: &VectorSelector) {
        let name = selector.name.as_deref().expect("each selects by name");
        if FROM_ELSEWHERE.contains(&name) {
            return;
        }
        let of_name: Vec<_> = self.found.samples.iter().filter(|(known, ..)| known == name).collect();
        assert!(!of_name.is_empty(), "{}: nothing is called {name}", self.place);
        self.known.extend(of_name.iter().flat_map(|(_, labels, _)| labels.keys().cloned()));
        let own = |matcher: &&Matcher| !OF_THE_TARGET.contains(&matcher.name.as_str());
        let matchers: Vec<_> = selector.matchers.matchers.iter().filter(own).collect();
        for matcher in &matchers {
            let values = match matcher.op {
                MatchOp::Equal | MatchOp::NotEqual => vec![matcher.value.as_str()],
                MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
            };
            for value in values {
                let has = of_name.iter().any(|(_, labels, _)| labels.get(&matcher.name).is_some_and(|it| it == value));
                assert!(has, "{}: no {name} has {}={value:?}", self.place, matcher.name);
            }
        }
        let fits = |labels: &super::exposition::Labels| {
            matchers.iter().all(|matcher| labels.get(&matcher.name).is_some_and(|value| matcher.is_match(value)))
        };
        assert!(of_name.iter().any(|(_, labels, _)| fits(labels)), "{}: {selector} selects nothing", self.place);
    }
}
