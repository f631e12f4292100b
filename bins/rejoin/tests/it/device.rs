//! `rejoin device` beside a server that runs.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{EMAIL, PASSWORD, Served, furnished, rejoin, run, text};

/// A database with an owner and somebody who is none, and a server.
struct Studio {
    folder: TempDir,
    served: Served,
}

impl Studio {
    fn new() -> Self {
        let folder = furnished();
        for (email, organisation) in [("rui@luz.example", "Studio Luz"), ("ines@velha.example", "Quinta Velha")] {
            let added = run(rejoin(folder.path(), &["user", "add", email, "--organisation", organisation, "--password-stdin"]), PASSWORD);
            assert!(added.status.success(), "{added:?}");
        }
        let served = Served::start(folder.path(), &["--log-level", "error"]);
        Self { folder, served }
    }

    fn device(&self, arguments: &[&str]) -> Output {
        run(rejoin(self.folder.path(), &[&["device"], arguments].concat()), "")
    }

    /// An act on a device of the organisation; what it printed as JSON.
    fn act(&self, act: &str, device_id: &str, more: &[&str]) -> Value {
        let output = self.device(&[&[act, device_id, "--organisation", "Studio Luz", "--reason", "a drill", "--json"], more].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn list(&self, more: &[&str]) -> Vec<Value> {
        let output = self.device(&[&["list", "--organisation", "Studio Luz", "--json"], more].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A login on a new device: its token, and the device's id.
    fn login(&self, email: &str) -> (String, String) {
        let body = json!({"email": email, "password": PASSWORD, "device": {"name": "tablet 3", "platform": "ipados"}}).to_string();
        let (status, grant) = self.served.call("POST", "/api/auth/login", "", &body);
        assert_eq!(status, 200, "{grant}");
        (grant["access_token"].as_str().unwrap().into(), grant["device_id"].as_str().unwrap().into())
    }

    /// The status and the code with which a token is answered.
    fn standing(&self, token: &str) -> (u16, Value) {
        let (status, answer) = self.served.call("GET", "/api/spaces", token, "");
        (status, answer["code"].clone())
    }
}

#[test]
fn a_device_is_listed_suspended_resumed_and_revoked() {
    let studio = Studio::new();
    assert!(studio.list(&[]).is_empty());
    let (token, id) = studio.login("rui@luz.example");
    let (owner, _) = studio.login(EMAIL);
    let listed = studio.device(&["list", "--organisation", "Studio Luz", "--user", "rui@luz.example"]);
    let lines: Vec<&str> = text(&listed.stdout).lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("DEVICE_ID ") && lines[1].starts_with(&id), "{lines:?}");
    for part in ["rui@luz.example", "tablet 3", "ipados", "active"] {
        assert!(lines[1].contains(part), "{lines:?}");
    }
    assert_eq!(studio.list(&[]).len(), 2);

    assert_eq!(studio.act("suspend", &id, &[])["state"], "suspended");
    assert_eq!(studio.standing(&token), (403, json!("device_suspended")));
    assert_eq!(studio.act("resume", &id, &["--by", EMAIL])["state"], "active");
    assert_eq!(studio.standing(&token).0, 200);
    let revoked = studio.act("revoke", &id, &[]);
    assert_eq!((&revoked["state"], &revoked["email"], &revoked["wipe"]), (&json!("revoked"), &json!("rui@luz.example"), &Value::Null));
    assert_eq!(studio.standing(&token), (401, json!("unauthenticated")));
    assert_eq!(studio.act("revoke", &id, &[]), revoked, "once more changes nothing");
    assert_eq!(studio.standing(&owner).0, 200, "nobody else's");

    let (_, acts) = studio.served.call("GET", &format!("/api/offline/audit?subject={id}"), &owner, "");
    let told: Vec<_> = acts["items"].as_array().unwrap().iter().map(|act| (act["action"].as_str().unwrap(), &act["reason"])).collect();
    let drill = json!("a drill");
    let mut expected = vec![("device.suspend", &drill), ("device.resume", &drill), ("device.revoke", &drill)];
    let of_devices: Vec<_> = told.iter().copied().filter(|(action, _)| action.starts_with("device.")).collect();
    if of_devices.first() == Some(&("device.revoke", &drill)) {
        expected.reverse();
    }
    assert_eq!(of_devices, expected, "{acts}");
    assert!(acts.to_string().contains(r#""operator":true"#), "{acts}");
}

#[test]
fn a_wiped_device_is_listed_with_what_it_confirmed() {
    let studio = Studio::new();
    let (token, id) = studio.login("rui@luz.example");
    let output = studio.device(&["wipe", &id, "--organisation", "Studio Luz", "--reason", "stolen"]);
    let said = text(&output.stdout);
    assert!(
        said.starts_with(&format!("the device {id} of rui@luz.example is revoked; the order to drop what it holds: given ")),
        "{output:?}"
    );
    let purge_id = studio.list(&[])[0]["wipe"]["purge_id"].clone();
    assert_eq!(studio.act("wipe", &id, &[])["wipe"]["purge_id"], purge_id, "it is one order");
    let body = json!({"purge_id": purge_id, "documents": 3, "outbox_left": 2}).to_string();
    let (status, receipt) = studio.served.call("POST", "/api/offline/sync/purged", &token, &body);
    assert_eq!(status, 200, "{receipt}");
    let listed = studio.device(&["list", "--organisation", "Studio Luz"]);
    assert!(text(&listed.stdout).contains("; 2 operations were never sent"), "{listed:?}");
}

#[test]
fn what_cannot_be_done_says_why_and_what_to_do() {
    let studio = Studio::new();
    let (token, id) = studio.login("rui@luz.example");
    let (_, foreign) = studio.login("ines@velha.example");
    let try_it = |act: &str, id: &str, organisation: &str, reason: &str, by: &[&str]| {
        let output = studio.device(&[&[act, id, "--organisation", organisation, "--reason", reason], by].concat());
        (output.status.code(), text(&output.stderr).to_owned())
    };
    let unknown = "rejoin: there is no such device in Studio Luz, so nothing was done; `rejoin device list --organisation 'Studio Luz'`";
    let nobody = "00000000-0000-7000-8000-000000000001";
    for (act, id, organisation, reason, by, code, part) in [
        ("revoke", nobody, "Studio Luz", "lost", &[][..], 1, unknown),
        ("wipe", &foreign, "Studio Luz", "lost", &[], 1, unknown),
        ("suspend", &foreign, "Studio Luz", "lost", &[], 1, unknown),
        ("revoke", &id, "Studio", "lost", &[], 2, "there is no such organisation; `rejoin user list`"),
        ("revoke", &id, "Studio Luz", " ", &[], 2, "--reason is to have 1 to 500 characters"),
        ("resume", &id, "Studio Luz", "\u{7}", &[], 2, "--reason is to have 1 to 500 characters"),
        ("revoke", &id, "Studio Luz", "lost", &["--by", "rui@luz.example"], 1, "rui@luz.example is no owner"),
        ("revoke", &id, "Studio Luz", "lost", &["--by", "ines@velha.example"], 1, "ines@velha.example belongs to another organisation"),
        ("revoke", &id, "Studio Luz", "lost", &["--by", "no@luz.example"], 1, "nobody has the email no@luz.example"),
        ("revoke", "tablet", "Studio Luz", "lost", &[], 2, "invalid value 'tablet'"),
    ] {
        let (status, said) = try_it(act, id, organisation, reason, by);
        assert!(status == Some(code) && said.contains(part), "{act} {id} {organisation} {reason} {by:?}: {status:?} {said}");
    }
    assert_eq!(studio.standing(&token).0, 200, "nothing was done");
    studio.act("revoke", &id, &[]);
    for act in ["suspend", "resume"] {
        let (status, said) = try_it(act, &id, "Studio Luz", "found", &[]);
        assert!(status == Some(1) && said.contains("was revoked, which is for good"), "{status:?} {said}");
    }
    let help = studio.device(&["revoke", "--help"]);
    assert!(text(&help.stdout).contains("Examples:\n  rejoin device list"), "{help:?}");
}
