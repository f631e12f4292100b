//! `rejoin oidc` beside a server that runs.

use std::process::Output;

use serde_json::Value;

use crate::process::{EMAIL, Served, furnished, rejoin, run, text};

#[test]
fn somebody_is_linked_to_a_provider_and_unlinked() {
    let folder = furnished();
    let oidc = |arguments: &[&str]| -> Output { run(rejoin(folder.path(), &[&["oidc"], arguments].concat()), "") };
    let add = ["add", "studio", "--organisation", "Studio Luz", "--issuer", "https://id.example", "--client-id", "rejoin"];
    let added = oidc(&[&add[..], &["--public-url", "https://sync.example"]].concat());
    assert_eq!(text(&added.stdout), "redirect_uri https://sync.example/api/auth/oidc/studio/callback\n", "{added:?}");
    let link = |subject: &str, email: &str| oidc(&["link", "studio", "--subject", subject, "--email", email]);
    let unlink = || oidc(&["unlink", "studio", "--subject", "248289761001"]);
    let linked = link("248289761001", EMAIL);
    assert!(linked.status.success() && text(&linked.stdout).starts_with("user_id "), "{linked:?}");
    let user_id = text(&linked.stdout).trim_start_matches("user_id ").trim_end().to_owned();
    for (output, status, part) in [
        (link("248289761001", "rui@luz.example"), 1, "unknown_user"),
        (link("", EMAIL), 2, "1 to 255 characters"),
        (oidc(&["link", "none", "--subject", "1", "--email", EMAIL]), 1, "unknown_provider"),
    ] {
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        assert!(text(&output.stderr).contains(part), "{output:?}");
    }
    let unlinked = unlink();
    assert_eq!(text(&unlinked.stdout), format!("user_id {user_id}\n"), "{unlinked:?}");
    let again = unlink();
    assert!(again.status.code() == Some(1) && text(&again.stderr).contains("not_linked"), "{again:?}");
    let removed = oidc(&["remove", "studio"]);
    assert!(removed.status.success(), "{removed:?}");

    let served = Served::start(folder.path(), &["--log-level", "error"]);
    let (_, acts) = served.call("GET", "/api/offline/audit", &served.login(), "");
    let acts = acts["items"].as_array().unwrap();
    let of = |action: &str| -> Vec<&Value> { acts.iter().filter(|act| act["action"] == action).collect() };
    for (action, subject) in [("oidc.add", "studio"), ("user.link", &user_id), ("user.unlink", &user_id), ("oidc.remove", "studio")] {
        let found = of(action);
        assert_eq!(found.len(), 1, "{action} {acts:?}");
        assert_eq!((&found[0]["subject"], &found[0]["details"]["operator"]), (&subject.into(), &true.into()), "{found:?}");
    }
}

#[test]
fn help_shows_how_somebody_is_linked() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["link", "unlink"] {
        let output = run(rejoin(folder.path(), &["oidc", command, "--help"]), "");
        assert!(text(&output.stdout).contains("rejoin oidc link studio --subject 248289761001 --email ana@luz.example"), "{output:?}");
    }
}
