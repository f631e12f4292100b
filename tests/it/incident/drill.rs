//! One run of the drill: everything moves, a lock comes, nothing moves, two owners let it go, everything goes on.

use std::cell::RefCell;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use storage_diesel::DatabaseConfig;
use sync_core::ports::{Access, QueueFilter, Store, StoreResult, Tx};
use sync_core::{OrganisationId, SpaceId, Timestamp};

use crate::database::Database;
use crate::queue_faults::{pause, until};
use crate::server::{Client, Server, create, run};
use crate::socket::{Events, Said, Socket};

/// Until when every node is quiet.
const QUIET_WITHIN: Duration = Duration::from_secs(5);
/// For how long it is watched that nothing moves.
const WATCHED: Duration = Duration::from_secs(2);
/// How long everything may take to go on; a machine may be slow.
const GOES_ON_WITHIN: Duration = Duration::from_secs(90);
/// Operations for workers who are at it when the lock comes.
const BUSY: u32 = 300;
/// Operations for workers who may begin only after the lock.
const LATE: u32 = 40;

/// What ends a connection, and says so.
const WHY: &str = "organisation_locked";

pub(super) struct Drill<'a> {
    pub(super) database: &'a Database,
    /// An owner at one node.
    pub(super) ana: Client,
    /// The other one, at the other node.
    rui: Client,
    /// A device of Ana's at the other node.
    tablet: Client,
    store: Arc<dyn Store>,
    organisation_id: OrganisationId,
    /// Where workers are at it.
    busy: String,
    /// Where somebody holds the lease who stands still.
    late: String,
    deafening: RefCell<Option<Child>>,
}

impl Drop for Drill<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.deafening.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The connections of two devices.
struct Open {
    sockets: Vec<Socket>,
    streams: Vec<Events>,
}

impl Open {
    fn of(clients: [&Client; 2], space: &str) -> Self {
        let streams = clients.map(|client| Events::follow(client, space)).into();
        Self { sockets: clients.map(|client| Socket::follow(client, space)).into(), streams }
    }

    /// Everybody hears of a change.
    fn hears(&mut self) {
        for socket in &mut self.sockets {
            let Said::Frame(frame) = socket.hear() else { panic!("closed") };
            assert_eq!(frame["type"], "change", "{frame}");
        }
        for stream in &mut self.streams {
            assert_eq!(stream.hear().unwrap()["type"], "change");
        }
    }

    /// Everybody is told why, last of all, and is closed.
    fn ends(self) {
        for mut socket in self.sockets {
            let mut last = Value::Null;
            let status = loop {
                match socket.hear() {
                    Said::Frame(frame) => last = frame,
                    Said::Closed(status) => break status,
                }
            };
            assert_eq!((&last["type"], &last["what"], status), (&json!("revoked"), &json!(WHY), 1008), "{last}");
        }
        for mut stream in self.streams {
            let last = std::iter::from_fn(|| stream.hear()).last().unwrap();
            assert_eq!((&last["type"], &last["what"]), (&json!("revoked"), &json!(WHY)), "{last}");
        }
    }
}

impl<'a> Drill<'a> {
    pub(super) fn new(database: &'a Database, here: &Server, there: &Server) -> Self {
        let ana = here.client();
        let (tablet, _) = there.log_in("ana@example.org");
        let (rui, _) = there.log_in("rui@example.org");
        let mut config = DatabaseConfig::new(&database.url);
        (config.connections, config.allow_fsync_off, config.readers) = (2, true, 1);
        let store = storage_diesel::open(&config).unwrap();
        let organisation_id = ana.call("GET", "/api/offline/incident", &json!({})).unwrap()["organisation_id"].as_str().unwrap().parse();
        let (busy, late) = (ana.space(), ana.space());
        let organisation_id = OrganisationId(organisation_id.unwrap());
        Self { database, ana, rui, tablet, store, organisation_id, busy, late, deafening: RefCell::default() }
    }

    pub(super) fn run(&self, lock: fn(&Drill<'_>)) {
        let mut open = Open::of([&self.ana, &self.tablet], &self.busy);
        self.ana.push(&self.busy, &[create(1, 0)]).unwrap();
        open.hears();
        let since = self.report(&[])["until"].clone();
        self.tablet.push(&self.busy, &[create(2, 0)]).unwrap();
        open.hears();
        self.stand_still(Some(Timestamp::from_millis(i64::MAX)));
        self.queue(&self.late, 3, LATE);
        self.queue(&self.busy, 4, BUSY);

        lock(self);
        let locked = Instant::now();
        self.is_refused();
        open.ends();
        assert!(locked.elapsed() < QUIET_WITHIN, "{:?}", locked.elapsed());
        // from now on nothing but the lock keeps workers from this
        self.stand_still(None);
        self.nothing_moves(locked + QUIET_WITHIN);
        self.is_refused();

        self.tells_what_was_touched(since.as_str().unwrap());
        self.two_owners_let_it_go();
        self.goes_on();
    }

    /// Sends operations to be decided later; they are accepted.
    fn queue(&self, space: &str, round: u32, count: u32) {
        let operations: Vec<Value> = (0..count).map(|number| create(round, number)).collect();
        let answer = self.tablet.batch(space, &operations).unwrap();
        assert_eq!(answer["queued"], count, "{answer}");
    }

    /// No notification reaches a node from now on, while this is run over and over.
    pub(super) fn deafen(&self, statement: &str) {
        let child = Command::new("psql").arg(&self.database.url).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut child = child.expect("psql runs");
        child.stdin.as_mut().unwrap().write_all(statement.as_bytes()).unwrap();
        self.deafening.replace(Some(child));
    }

    fn transact<T: Send + 'static>(&self, work: impl FnMut(&mut dyn Tx) -> StoreResult<T> + Send + 'static) -> T {
        pollster::block_on(self.store.transact(Access::Write, work)).unwrap()
    }

    /// Takes the lease of the late space in the name of a worker who does nothing, or gives it back.
    fn stand_still(&self, until: Option<Timestamp>) {
        let (organisation_id, space_id) = (self.organisation_id, SpaceId(self.late.parse().unwrap()));
        self.transact(move |tx| {
            let mut space = tx.lock_queue_space(organisation_id, space_id)?;
            (space.leased_by, space.leased_until) = (until.map(|_| organisation_id.0), until);
            space.fence += 1;
            tx.put_queue_space(&space)
        });
    }

    /// What waits in both spaces, and how far their logs have come.
    fn standing(&self) -> (Vec<i64>, Vec<(SpaceId, i64)>) {
        let (organisation_id, spaces) = (self.organisation_id, [&self.busy, &self.late].map(|space| SpaceId(space.parse().unwrap())));
        self.transact(move |tx| {
            let mut waiting = Vec::new();
            for space_id in spaces {
                let counts = tx.count_queue(organisation_id, &QueueFilter { space_id: Some(space_id), ..QueueFilter::default() })?;
                waiting.push(counts.iter().map(|count| count.items).sum());
            }
            let mut heads = tx.list_heads(&spaces)?;
            heads.sort_unstable();
            Ok((waiting, heads))
        })
    }

    /// Nodes have until then to be quiet; after it nothing is decided, and what waits goes on waiting.
    fn nothing_moves(&self, quiet: Instant) {
        while Instant::now() < quiet {
            assert_eq!(self.standing().0[1], i64::from(LATE), "decided after the lock");
            pause(50);
        }
        let standing = self.standing();
        let watched = Instant::now() + WATCHED;
        while Instant::now() < watched {
            assert_eq!(self.standing(), standing, "something moves");
            pause(50);
        }
    }

    /// What is asked of either node after a lock is refused, and stays with the device.
    fn is_refused(&self) {
        for client in [&self.ana, &self.tablet] {
            let push = json!({"protocol": 1, "space_id": self.busy, "operations": [create(9, 0)]});
            let pull = json!({"protocol": 1, "pull": {"spaces": {&self.busy: {"cursor": null}}}});
            let ways =
                [("POST", "/api/offline/sync", push), ("POST", "/api/offline/sync", pull), ("GET", "/api/offline/realtime", Value::Null)];
            for (method, path, body) in ways {
                let refusal = client.call(method, path, &body).unwrap_err();
                let problem = refusal.strip_prefix("403 Forbidden: ").unwrap_or_else(|| panic!("{refusal}"));
                let problem: Value = serde_json::from_str(problem).unwrap();
                assert_eq!((&problem["code"], &problem["outbox"]), (&json!(WHY), &json!("retain")), "{problem}");
            }
        }
    }

    fn report(&self, arguments: &[&str]) -> Value {
        let told = run(self.database, &[&["incident", "report", "--organisation", "Alder", "--json"], arguments].concat());
        serde_json::from_str::<Value>(&told).unwrap()["report"].clone()
    }

    /// What was touched by which device since when, as the command line and the API tell it; never what was written.
    fn tells_what_was_touched(&self, since: &str) {
        let all = self.report(&[]);
        assert_eq!((&all["complete"], all["devices"].as_array().unwrap().len()), (&json!(true), 2), "{all}");
        let later = self.report(&["--since", since]);
        let [tablet] = later["devices"].as_array().unwrap().as_slice() else { panic!("what came before is not told: {later}") };
        let touched = &tablet["touched"][0];
        assert_eq!(
            (&touched["space_id"], &touched["collection"], &touched["fields"]),
            (&json!(self.busy), &json!("notes"), &json!(["number", "text"])),
            "{later}"
        );
        assert!(touched["statuses"]["applied"].as_u64().unwrap() >= 1, "{later}");
        assert!(!later.to_string().contains("written in round"), "{later}");
        let device_id = tablet["device_id"].as_str().unwrap();
        let path = format!("/api/offline/incident/report?device={device_id}&since={since}");
        let told = self.rui.call("GET", &path, &json!({})).unwrap();
        assert_eq!(told["devices"], later["devices"], "both tell the same");
        let path = format!("/api/offline/incident/report?device={}", self.organisation_id);
        assert_eq!(self.ana.call("GET", &path, &json!({})).unwrap()["devices"], json!([]));
    }

    /// One owner alone never does, by whatever ways.
    fn two_owners_let_it_go(&self) {
        let by_ana = ["incident", "unlock", "--organisation", "Alder", "--by", "ana@example.org", "--json"];
        let first: Value = serde_json::from_str(&run(self.database, &by_ana)).unwrap();
        assert_eq!((&first["state"], first["unlock"].is_object()), (&json!("locked"), true), "{first}");
        let again = self.ana.call("DELETE", "/api/offline/incident", &json!({})).unwrap_err();
        assert!(again.starts_with("409 Conflict: ") && again.contains("same_owner"), "{again}");
        self.is_refused();
        let second = self.rui.call("DELETE", "/api/offline/incident", &json!({})).unwrap();
        assert_eq!((&second["state"], &second["unlock"]), (&json!("active"), &Value::Null), "{second}");
    }

    /// Everything goes on where it stood, on both nodes, and all of it is recorded.
    fn goes_on(&self) {
        until(Instant::now() + GOES_ON_WITHIN, "what waited was decided", || self.standing().0 == [0, 0]);
        for (round, client) in [(5, &self.ana), (6, &self.tablet)] {
            let results = client.push(&self.busy, &[create(round, 0)]).unwrap();
            assert_eq!(results[0]["status"], "applied", "{results:?}");
        }
        assert_eq!(self.ana.read_all(&self.busy).len(), 4 + BUSY as usize, "nothing was lost");
        assert_eq!(self.tablet.read_all(&self.late).len(), LATE as usize, "nothing was lost");
        let acts = |action: &str| {
            let told = self.ana.call("GET", &format!("/api/offline/audit?action={action}"), &json!({})).unwrap();
            told["items"].as_array().unwrap_or_else(|| panic!("{told}")).clone()
        };
        let locks = acts("incident.lock");
        assert_eq!((locks.len(), &locks[0]["reason"]), (1, &json!("a drill")), "{locks:?}");
        assert_eq!(acts("incident.unlock").len(), 2, "each of the two");
    }
}
