//! Beginning anew from a snapshot.

use serde_json::Value;

use super::{Broken, Device, Replica, broken};

impl Device {
    /// Takes a whole snapshot in the place of a space's copy: its lines, over all of its parts. The next pull makes the
    /// copy complete.
    ///
    /// # Errors
    /// [`Broken`]: it is not one that the protocol allows.
    pub fn begin_from(&mut self, space: &str, lines: &[Value]) -> Result<(), Broken> {
        let mut replica = Replica::default();
        let mut sent = 0;
        let mut place = (String::new(), String::new());
        for line in lines {
            match line["type"].as_str() {
                Some("head") => replica.epoch = line["epoch"].as_str().map(str::to_owned),
                Some("document") => {
                    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
                    let (Some(version), Some(body)) = (line["version"].as_i64(), line["document"].as_object().cloned()) else {
                        return broken(format!("a line is of a whole document: {line}"));
                    };
                    let next = (text("collection"), text("document_id"));
                    if next.0 == place.0 && next.1 <= place.1 {
                        return broken(format!("documents come by id: {line} after {place:?}"));
                    }
                    replica.put(&next.0, &next.1, version, Some(body));
                    place = next;
                    sent += 1;
                }
                Some("mark") if line["mark"].is_string() && line["sent"] == sent => {}
                Some("end") if line["cursor"].is_string() && line["sent"] == sent => {
                    replica.cursor = line["cursor"].as_str().map(str::to_owned);
                }
                _ => return broken(format!("a snapshot has no line such as {line}")),
            }
        }
        if replica.cursor.is_none() || replica.epoch.is_none() {
            return broken("a snapshot begins with a head and ends with an end");
        }
        *self.replica_mut(space) = replica;
        Ok(())
    }
}
