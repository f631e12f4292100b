//! The 16 tables of the stone barn. The origin of the plan is the barn's north-west corner, one unit is a metre.

use super::{Body, Entry};

struct Table {
    number: u32,
    name: &'static str,
    shape: &'static str,
    x: f64,
    y: f64,
    rotation: f64,
    width_cm: u32,
    depth_cm: u32,
    capacity: u32,
    locked: bool,
    linen: &'static str,
    notes: &'static str,
}

const fn round(number: u32, name: &'static str, x: f64, y: f64, notes: &'static str) -> Table {
    Table {
        number,
        name,
        shape: "round",
        x,
        y,
        rotation: 0.0,
        width_cm: 180,
        depth_cm: 180,
        capacity: 10,
        locked: false,
        linen: "Bone linen, 320 cm round, moss napkins",
        notes,
    }
}

const fn long(number: u32, name: &'static str, x: f64, y: f64, capacity: u32, notes: &'static str) -> Table {
    Table {
        number,
        name,
        shape: "long",
        x,
        y,
        rotation: 90.0,
        width_cm: 400,
        depth_cm: 100,
        capacity,
        locked: false,
        linen: "Bare oak, copper runner, bone napkins",
        notes,
    }
}

impl Table {
    /// Nobody moves this table any more.
    const fn locked(mut self) -> Self {
        self.locked = true;
        self
    }

    const fn turned(mut self, rotation: f64) -> Self {
        self.rotation = rotation;
        self
    }

    const fn linen(mut self, linen: &'static str) -> Self {
        self.linen = linen;
        self
    }
}

#[rustfmt::skip]
const TABLES: &[Table] = &[
    long(1, "Laranjeira", 11.0, 2.2, 12,
        "Top table, everybody on one side and at the ends. Seats 1 and 2 are Amara's and Joel's. Arch flowers go along the front.")
        .turned(0.0).locked(),
    round(2, "Sobreiro", 7.6, 5.4, "Ngozi's table. Mama Grace on seat 2 with the armchair, back to the wall.").locked(),
    round(3, "Oliveira", 14.4, 5.4, "Emeka's table. Two chiefs: the armchairs are identical, that was asked for.").locked(),
    round(4, "Limoeiro", 4.2, 5.4, "Helena's table. Seat 2 stays without a chair for Beatriz's wheelchair, ramp side.").locked(),
    round(5, "Figueira", 17.8, 5.4, "Luc's table. Seat 1 faces the gallery, that is settled. Heater behind seat 3.").locked(),
    round(6, "Nespereira", 5.9, 9.0, "School friends. Wristbands for seats 3 and 4 are in the envelope at the door."),
    round(7, "Amendoeira", 3.2, 2.4, "Porto. Beside the north exit on request; strobe is off on this side."),
    round(8, "Alfarrobeira", 9.2, 9.0, "The studio. Large-print menu on seat 8."),
    round(9, "Cedro", 4.2, 12.6,
        "Lyon. By the south windows and staying there, whatever anybody says. Seat 1 looks at the gallery as well."),
    round(10, "Medronheiro", 16.1, 9.0, "Lagos. Next to the drummers' door, they asked for it."),
    round(11, "Romãzeira", 12.8, 9.0, "Sailing club. Keep the pillar side free."),
    round(12, "Castanheiro", 19.4, 12.6, "Cousins and the street. No lupin bowls on this table."),
    round(13, "Nogueira", 15.6, 12.6, "The institute. Two place cards right to left, mind the order."),
    round(14, "Pinheiro Manso", 7.6, 12.6, "Children, two carers on seats 9 and 10. Paper cloth and crayons, next to the schoolroom door.")
        .linen("Paper cloth, copper napkins"),
    long(15, "Jacarandá", 11.6, 13.4, 12, "Friends of both and the partners of the wedding party. One seat free on purpose."),
    long(16, "Salgueiro", 20.6, 16.0, 12, "Crew table, behind the screen. Two sittings at dinner: 19:30 and 20:10.")
        .linen("Bare oak, no runner"),
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    TABLES.iter().map(entry)
}

fn entry(table: &Table) -> Entry {
    Body::new()
        .put("name", table.name)
        .put("number", table.number)
        .put("room", "Stone barn")
        .put("shape", table.shape)
        .put("x", table.x)
        .put("y", table.y)
        .put("rotation", table.rotation)
        .put("width_cm", table.width_cm)
        .put("depth_cm", table.depth_cm)
        .put("capacity", table.capacity)
        .put("locked", table.locked)
        .put("linen", table.linen)
        .put("notes", table.notes)
        .entry("tables", &format!("table-{:02}", table.number))
}
