//! Checks that `compose.yaml` follows the Compose specification and that rejoin accepts its settings.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::{CommandFactory, Parser};
use rejoin::config::Cli;
use serde_json::{Value, json};

/// Where the server listens inside its container, and where it keeps its file.
const LISTENS: &str = ":8080";
const DATA: &str = ":/data";

fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `compose.yaml` as JSON, with its anchors and merges resolved.
fn compose() -> Value {
    let mut yaml: yaml_serde::Value = yaml_serde::from_str(&text("compose.yaml")).expect("it is YAML");
    // Twice, because a merged mapping may itself contain a merge.
    for _ in 0..2 {
        yaml.apply_merge().expect("merges are of mappings");
    }
    serde_json::to_value(yaml).expect("its keys are texts")
}

/// The name and the definition of each service.
fn services() -> Vec<(String, Value)> {
    let compose = compose();
    let services = compose["services"].as_object().expect("there are services");
    services.iter().map(|(name, service)| (name.clone(), service.clone())).collect()
}

/// The services that run rejoin.
fn instances() -> Vec<(String, Value)> {
    let is_rejoin =
        |(_, service): &(String, Value)| service["image"].as_str().is_some_and(|it| it.starts_with("rejoin:"));
    services().into_iter().filter(is_rejoin).collect()
}

/// The texts in a list; empty if the list is missing.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text")).collect()
}

/// The only entry of a list with this ending, without the ending.
fn only<'a>(list: &'a Value, ending: &str) -> &'a str {
    let found: Vec<_> = texts(list).into_iter().filter_map(|text| text.strip_suffix(ending)).collect();
    assert_eq!(found.len(), 1, "one {ending}: {list}");
    found[0]
}

/// The environment variables of a service with their defaults, as if nothing were set outside.
fn environment(service: &Value) -> Vec<(String, String)> {
    let variables = service["environment"].as_object().cloned().unwrap_or_default();
    let plain = |(name, value): (&String, &Value)| {
        let value = value.as_str().unwrap_or_else(|| panic!("{name} is no text"));
        let Some((before, rest)) = value.split_once("${") else { return (name.clone(), value.to_owned()) };
        let (inner, after) = rest.split_once('}').expect("it ends");
        // Without a default, Compose would warn for every profile that the variable is not set.
        let default = inner.split_once(":-").expect("a default").1;
        (name.clone(), format!("{before}{default}{after}"))
    };
    variables.iter().map(plain).collect()
}

#[test]
fn compose_yaml_follows_the_compose_specification() {
    let schema: Value = serde_json::from_str(&text("tests/it/compose/compose-spec.json")).expect("it is JSON");
    let schema = jsonschema::validator_for(&schema).expect("it is a schema");
    let problems = |compose: &Value| -> Vec<_> {
        let tell = |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
        schema.iter_errors(compose).map(tell).collect()
    };
    assert_eq!(problems(&compose()), Vec::<String>::new());
    let mut slip = compose();
    slip["services"]["rejoin"]["helthcheck"] = json!({});
    assert!(problems(&slip).iter().any(|problem| problem.contains("helthcheck")), "the schema finds nothing");
}

#[test]
fn every_image_is_pinned_and_every_service_has_a_health_check() {
    for (name, service) in services() {
        let image = service["image"].as_str().expect("an image");
        let tag = image.split_once(':').map_or("", |(_, tag)| tag);
        assert!(tag.contains('.') && tag.starts_with(|first: char| first.is_ascii_digit()), "{name}: {image}");
        assert!(!texts(&service["healthcheck"]["test"]).is_empty(), "{name} has no health check");
    }
    for (name, instance) in instances() {
        assert_eq!(instance["image"], format!("rejoin:{}", env!("CARGO_PKG_VERSION")), "{name}");
        assert_eq!(texts(&instance["healthcheck"]["test"]), ["CMD", "/usr/local/bin/rejoin", "health"], "{name}");
    }
}

#[test]
fn a_profile_starts_its_own_services_and_the_default_is_one_container() {
    let in_profile = |profile: &str| -> Vec<_> {
        let is_in = |(_, service): &(String, Value)| texts(&service["profiles"]) == [profile];
        services().into_iter().filter(is_in).map(|(name, _)| name).collect()
    };
    let env = text(".env");
    let default = env.lines().find_map(|line| line.strip_prefix("COMPOSE_PROFILES=")).expect("a default profile");
    assert_eq!(in_profile(default), ["rejoin"]);
    assert_eq!(in_profile("valkey"), ["balancer", "rejoin-a", "rejoin-b", "valkey"]);
    assert_eq!(in_profile("public"), ["caddy", "rejoin-public"]);
    assert_eq!(services().len(), 7, "some service is in no profile, or in several");
}

#[test]
fn every_service_has_its_own_volume_and_local_port() {
    let mut ports = BTreeSet::new();
    // Caddy alone is there for others.
    let [caddy] = &services().into_iter().filter(|(name, _)| name == "caddy").collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(texts(&caddy.1["ports"]), ["80:80", "443:443", "443:443/udp"]);
    for (name, service) in services().into_iter().filter(|(name, _)| name != "caddy") {
        for port in texts(&service["ports"]) {
            let own = port.strip_suffix(LISTENS).and_then(|port| port.strip_prefix("127.0.0.1:"));
            let own = own.unwrap_or_else(|| panic!("{name} publishes {port}"));
            assert!(ports.insert(own.to_owned()), "{name}: {own} is another's port");
        }
    }
    assert_eq!(ports.len(), 4, "{ports:?}");
    let volumes: BTreeSet<_> = services().iter().filter(|(name, _)| name != "balancer").map(volume).collect();
    let known: BTreeSet<_> = compose()["volumes"].as_object().expect("volumes").keys().cloned().collect();
    assert_eq!(volumes, known, "each has a volume of its own");
    assert_eq!(known.len(), 6);
}

/// The volume that holds a service's data.
fn volume((_, service): &(String, Value)) -> String {
    only(&service["volumes"], DATA).to_owned()
}

#[test]
fn the_server_accepts_the_settings_of_every_instance() {
    let command = Cli::command();
    let flag = |name: &str| {
        let has = |argument: &&clap::Arg| argument.get_env().is_some_and(|env| env == name);
        let long = command.get_arguments().find(has).and_then(clap::Arg::get_long);
        format!("--{}", long.unwrap_or_else(|| panic!("{name} is no setting")))
    };
    for (name, instance) in instances() {
        let words = environment(&instance).into_iter().map(|(name, value)| format!("{}={value}", flag(&name)));
        let cli = Cli::try_parse_from(std::iter::once("rejoin".to_owned()).chain(words));
        let mut settings = cli.unwrap_or_else(|error| panic!("{name}: {error}")).serve;
        settings.check().unwrap_or_else(|error| panic!("{name}: {error:#}"));
        // Strangers reach this one. Without its file of keys it does not start.
        if name == "rejoin-public" {
            let file = settings.api_keys_file.as_mut().expect("it needs keys");
            assert_eq!(file.to_str(), Some("/etc/rejoin/api-keys"));
            *file = tempfile::tempdir().expect("a folder").path().join("api-keys");
            let refusal = settings.keys().err().expect("the file is missing").to_string();
            assert!(refusal.contains("REJOIN_API_KEYS_FILE"), "{refusal}");
        }
    }
}

#[test]
fn settings_and_keys_come_from_a_folder_that_no_image_and_no_commit_has() {
    for (name, instance) in instances() {
        let files: Vec<_> = instance["env_file"].as_array().expect("files").iter().collect();
        assert!(files.contains(&&json!({ "path": "deploy/etc/rejoin.env", "required": false })), "{name}: {files:?}");
        // As a folder: a file that is mounted by itself stays what it was when an editor replaces it.
        assert_eq!(only(&instance["volumes"], ":ro"), "./deploy/etc:/etc/rejoin", "{name}");
    }
    let valkey = json!({ "path": "deploy/etc/valkey.env", "required": false });
    for service in ["rejoin-a", "rejoin-b", "valkey"] {
        let files = compose()["services"][service]["env_file"].clone();
        assert!(files.as_array().expect("files").contains(&valkey), "{service} has no password");
    }
    for (name, service) in services() {
        // What stands there would go before the file, also if it is empty.
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let value = value.as_str().expect("a text");
            assert!(!value.contains("${") || value.contains("${DOMAIN:-"), "{name}: {variable}={value}");
        }
    }
    for (file, line) in [(".dockerignore", "/deploy/etc"), (".gitignore", "/deploy/etc/*")] {
        assert!(text(file).lines().any(|it| it == line), "{file} lacks {line}");
    }
    // Otherwise the volumes are called after the folder, and that of the next release has none of the games.
    assert_eq!(compose()["name"], "rejoin");
}

#[test]
fn instances_over_valkey_have_different_names_and_its_url() {
    let names = |variable: &str| -> Vec<_> {
        let value = |(_, instance): (String, Value)| {
            environment(&instance).into_iter().find(|(name, _)| name == variable).map(|(_, value)| value)
        };
        instances().into_iter().filter_map(value).collect()
    };
    assert_eq!(names("REJOIN_INSTANCE"), ["a", "b"]);
    assert_eq!(names("SESSION_STORE"), ["valkey", "valkey"]);
    // The name of a service is also its host name.
    assert_eq!(names("VALKEY_URL"), ["valkey://valkey:6379", "valkey://valkey:6379"]);
    assert_eq!(names("REJOIN_FALLBACK"), ["redb", "redb"]);
    let balancer = text("deploy/nginx.conf");
    for instance in names("REJOIN_INSTANCE") {
        for line in [format!("    {instance} rejoin_{instance};"), format!("    server rejoin-{instance}:8080;")] {
            assert!(balancer.contains(&line), "the balancer lacks {line:?}");
        }
    }
}

#[test]
fn the_mounted_files_are_the_tested_ones() {
    let compose = compose();
    let (valkey, balancer) = (&compose["services"]["valkey"], &compose["services"]["balancer"]);
    let inside = only(&valkey["volumes"], ":ro").strip_prefix("./deploy/valkey.conf:").expect("its settings");
    let command = texts(&valkey["command"]).join(" ");
    assert!(command.contains(&format!("valkey-server {inside} -")), "{command}");
    assert_eq!(only(&balancer["volumes"], ":ro"), "./deploy/nginx.conf:/etc/nginx/conf.d/default.conf");
    let caddy = &compose["services"]["caddy"];
    assert_eq!(only(&caddy["volumes"], ":ro"), "./deploy/Caddyfile:/etc/caddy/Caddyfile");
    let version = caddy["image"].as_str().and_then(|image| image.strip_prefix("caddy:")?.strip_suffix("-alpine"));
    let version = format!("CADDY_VERSION={}", version.expect("a version"));
    assert!(text("tests/servers.sh").lines().any(|line| line.ends_with(&version)), "the tests have another Caddy");
}

#[test]
fn the_public_profile_takes_one_domain_which_caddy_and_rejoin_share() {
    let services = compose()["services"].clone();
    let (caddy, rejoin) = (environment(&services["caddy"]), environment(&services["rejoin-public"]));
    let value = |environment: &[(String, String)], name: &str| {
        let found = environment.iter().find(|(other, _)| other == name);
        found.unwrap_or_else(|| panic!("{name} is not set")).1.clone()
    };
    assert_eq!(value(&rejoin, "REJOIN_PUBLIC_URL"), format!("https://{}", value(&caddy, "DOMAIN")));
    assert_eq!(value(&caddy, "UPSTREAM"), "rejoin-public:8080");
    assert_eq!(value(&rejoin, "REJOIN_TRUSTED_PROXIES"), "172.16.0.0/12,192.168.0.0/16");
    let (caddyfile, compose) = (text("deploy/Caddyfile"), text("compose.yaml"));
    for variable in ["{$DOMAIN:localhost} {", "{$UPSTREAM:127.0.0.1:8080}"] {
        assert!(caddyfile.contains(variable), "the Caddyfile lacks {variable}");
    }
    assert_eq!(compose.matches("${DOMAIN:-localhost}").count(), 2);
}
