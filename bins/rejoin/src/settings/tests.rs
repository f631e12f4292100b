use std::io::Write as _;

use super::*;

fn with_file(text: &str) -> (tempfile::NamedTempFile, Sources) {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let sources = Sources { file: Some(file.path().to_owned()), ..Sources::default() };
    (file, sources)
}

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn defaults_are_usable() {
    let settings = Settings::load(&Sources::default()).unwrap();
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.database_url, "sqlite:rejoin.db");
    assert_eq!(settings.body_deadline, Duration::from_secs(20));
    assert!(!settings.allow_fsync_off);
    assert_eq!(settings.keeping, sync_service::Keeping::default());
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let (_file, mut sources) = with_file("[server]\nbind = \"127.0.0.1:1\"\nworkers = 3\nshutdown_grace_s = 7\n[log]\nformat = \"json\"\n");
    sources.environment = environment(&[
        ("REJOIN_SERVER__BIND", "127.0.0.1:2"),
        ("REJOIN_SERVER__WORKERS", "5"),
        ("REJOIN_OTHER", "x"),
        ("REJOIN_LOG__LEVEL", ""),
    ]);
    sources.flags = vec![("server.bind", Some("127.0.0.1:3".into())), ("server.workers", None)];
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.bind.port(), settings.workers, settings.shutdown_grace.as_secs()), (3, 5, 7));
    assert_eq!((settings.log_format, settings.log_level.as_str(), settings.readers), (LogFormat::Json, "info", 4));
}

#[test]
fn fsync_off_is_allowed_in_every_layer() {
    let (_file, from_file) = with_file("[database]\nallow_fsync_off = true\n");
    let from_environment = Sources { environment: environment(&[("REJOIN_DATABASE__ALLOW_FSYNC_OFF", "true")]), ..Sources::default() };
    let from_flag = Sources { flags: vec![("database.allow_fsync_off", Some("true".into()))], ..Sources::default() };
    for sources in [from_file, from_environment, from_flag] {
        assert!(Settings::load(&sources).unwrap().allow_fsync_off);
    }
}

#[test]
fn every_key_has_a_variable_and_a_place_in_the_file() {
    for key in KEYS {
        let (table, name) = key.name.split_once('.').unwrap();
        let (_file, mut sources) = with_file(&format!("[{table}]\n{name} = {:?}\n", key.default));
        sources.environment = environment(&[(&format!("REJOIN_{}__{}", table.to_uppercase(), name.to_uppercase()), key.default)]);
        Settings::load(&sources).unwrap_or_else(|failure| panic!("{}: {failure}", key.name));
    }
}

#[test]
fn what_is_wrong_is_named() {
    let check = |sources: &Sources, parts: &[&str]| {
        let failure = Settings::load(sources).unwrap_err();
        assert!(matches!(failure, Failure::Input(_)));
        for part in parts {
            assert!(failure.to_string().contains(part), "{failure} lacks {part}");
        }
    };
    for (text, parts) in [
        ("[server]\nbnid = \"x\"\n", &["`server.bnid`", "did you mean `server.bind`?"][..]),
        ("bind = \"x\"\n", &["`bind`"]),
        ("[server]\nworkers = \"many\"\n", &["`server.workers`", "many", ".toml", "0 for one for each core"]),
        ("[server]\nbind = [1]\n", &["`server.bind`", "wrong type"]),
        ("[server\n", &["can't be read"]),
        ("[database]\nallow_fsync_off = \"perhaps\"\n", &["`database.allow_fsync_off`", "for tests only"]),
        ("[sync]\nhistory_days = 7\n", &["`sync.history_days`", "36 to 36500"]),
        ("[sync]\ndevice_days = 90\ntombstone_days = 60\n", &["`sync.device_days`", "no more than sync.tombstone_days"]),
        ("[log]\nformat = \"xml\"\n", &["`log.format`", "human or json"]),
        ("[log]\nlevel = \"noise=loud=er\"\n", &["`log.level`"]),
    ] {
        let (_file, sources) = with_file(text);
        check(&sources, parts);
    }
    let flags = vec![("server.bind", Some("here".to_owned()))];
    check(&Sources { flags, ..Sources::default() }, &["`server.bind`", "here", "the command line"]);
    let variables = environment(&[("REJOIN_DATABASE__ULR", "sqlite:x")]);
    check(&Sources { environment: variables, ..Sources::default() }, &["REJOIN_DATABASE__ULR", "did you mean `database.url`?"]);
    let variables = environment(&[("REJOIN_SERVER_BIND", "127.0.0.1:1")]);
    check(&Sources { environment: variables, ..Sources::default() }, &["REJOIN_SERVER_BIND", "did you mean REJOIN_SERVER__BIND"]);
    let file = Some(PathBuf::from("/no/such/file.toml"));
    check(&Sources { file, ..Sources::default() }, &["/no/such/file.toml", "--config"]);
}
