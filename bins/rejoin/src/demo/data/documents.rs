//! The 25 papers of the planner's folder.

use serde_json::{Value, json};

use super::{Body, Entry, stand_in_sha256};

struct Document {
    id: &'static str,
    title: &'static str,
    kind: &'static str,
    tags: &'static [&'static str],
    contact_id: &'static str,
    received_on: &'static str,
    file_name: &'static str,
    size_bytes: u32,
    /// The days on which the earlier versions came, oldest first.
    earlier: &'static [&'static str],
    /// Name and day; nobody when the paper needs no signature.
    signers: &'static [(&'static str, &'static str)],
    signed_state: &'static str,
    pinned: bool,
    notes: &'static str,
}

const DOCUMENT: Document = Document {
    id: "",
    title: "",
    kind: "contract",
    tags: &[],
    contact_id: "",
    received_on: "",
    file_name: "",
    size_bytes: 0,
    earlier: &[],
    signers: &[],
    signed_state: "signed",
    pinned: false,
    notes: "",
};

#[rustfmt::skip]
const DOCUMENTS: &[Document] = &[
    Document {
        id: "doc-contract-planning", title: "Planning contract", tags: &["contract", "planner"], contact_id: "contact-ana",
        received_on: "2025-09-10",
        file_name: "planning-contract-okafor-moreau.pdf", size_bytes: 412_306,
        signers: &[("Amara Okafor", "2025-09-10"), ("Joel Tavares Moreau", "2025-09-10"), ("Ana Figueiredo", "2025-09-10")],
        notes: "Twelve meetings, two people on the day, overtime after 03:00.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-venue", title: "Venue contract, Quinta do Vale", tags: &["contract", "venue", "curfew"],
        contact_id: "contact-ines", received_on: "2025-10-02",
        file_name: "quinta-do-vale-contract-v2.pdf", size_bytes: 1_284_551, earlier: &["2025-09-30"],
        signers: &[("Amara Okafor", "2025-10-02"), ("Joel Tavares Moreau", "2025-10-02"), ("Inês Sobral", "2025-10-02")],
        pinned: true, notes: "Curfew 02:00 in clause 7, corkage for palm wine waived in clause 11, damage deposit in annex B.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-catering", title: "Catering contract and price list", tags: &["contract", "food"], contact_id: "contact-caterer",
        received_on: "2025-10-28",
        file_name: "mesa-farta-contract.pdf", size_bytes: 986_114,
        signers: &[("Amara Okafor", "2025-10-28"), ("Lurdes Patrício", "2025-10-28")],
        notes: "118 EUR a cover, 45 EUR a child, 18 EUR a crew meal. Count fixed eight days before.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-photo", title: "Photography contract, Luz Lenta", tags: &["contract", "photo", "consent"],
        contact_id: "contact-rui", received_on: "2025-10-08",
        file_name: "luz-lenta-contract.pdf", size_bytes: 356_020,
        signers: &[("Joel Tavares Moreau", "2025-10-08"), ("Rui Bettencourt", "2025-10-08")],
        notes: "14 hours, two photographers, gallery within eight weeks, consent list binding.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-film", title: "Film contract, Onze Mètres", tags: &["contract", "photo"], contact_id: "contact-film",
        received_on: "2025-11-04",
        file_name: "onze-metres-contrat.pdf", size_bytes: 298_447,
        signers: &[("Joel Tavares Moreau", "2025-11-04"), ("Bastien Roux", "2025-11-05")],
        notes: "In French. One round of changes is included, drone only with the permit.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-flowers", title: "Flower order, Flor de Esteva", tags: &["contract", "flowers"], contact_id: "contact-florist",
        received_on: "2026-06-16",
        file_name: "flor-de-esteva-order-v3.pdf", size_bytes: 744_903, earlier: &["2025-12-05", "2026-03-18"],
        signers: &[("Ana Figueiredo", "2026-06-16"), ("Joaquina Serrano", "2026-06-16")],
        notes: "Wild carrot for foxglove, credit of 85 EUR deducted on page 3.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-quartet", title: "Engagement of Quarteto Alcântara", tags: &["contract", "music"], contact_id: "contact-quartet",
        received_on: "2026-04-13",
        file_name: "quarteto-alcantara-complete.pdf", size_bytes: 221_870, earlier: &["2025-11-13"],
        signers: &[("Ana Figueiredo", "2025-11-13"), ("Leonor Vilar", "2026-04-13")],
        notes: "First copy lacked page two. Shade clause is there.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-sound", title: "Sound and DJ, Maré Alta", tags: &["contract", "music", "power"], contact_id: "contact-dj",
        received_on: "2025-11-25",
        file_name: "mare-alta-contract.pdf", size_bytes: 264_118,
        signers: &[("Ana Figueiredo", "2025-11-25"), ("Edson Monteiro", "2025-11-25")],
        notes: "Two systems, limiter accepted in writing.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-drummers", title: "Ìlù Ensemble, two appearances", tags: &["contract", "music"], contact_id: "contact-drummers",
        received_on: "2026-01-12",
        file_name: "ilu-ensemble-agreement.pdf", size_bytes: 188_235,
        signers: &[("Ana Figueiredo", "2026-01-12"), ("Adewale Ojo", "2026-01-14")],
        notes: "19:00 and 22:10, five players, meal included.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-lighting", title: "Lighting and generator, Pirilampo", tags: &["contract", "power"],
        contact_id: "contact-lighting", received_on: "2025-12-18",
        file_name: "pirilampo-contract.pdf", size_bytes: 533_764,
        signers: &[("Ana Figueiredo", "2025-12-18"), ("Sílvia Rebelo", "2025-12-18")],
        notes: "Operator stays until 02:45.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-rentals", title: "Furniture order, Aluguer da Serra", tags: &["contract", "design"],
        contact_id: "contact-rentals", received_on: "2026-01-27",
        file_name: "aluguer-da-serra-order.pdf", size_bytes: 151_092,
        signers: &[("Ana Figueiredo", "2026-01-27"), ("Nelson Baptista", "2026-01-28")],
        notes: "156 chairs, 13 round, 3 long. Breakage list is blank on purpose, filled on the ramp.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-bar", title: "Bar contract and drinks list", tags: &["contract", "food"], contact_id: "contact-bar",
        received_on: "2026-03-25",
        file_name: "bar-medronho-contract.pdf", size_bytes: 203_418,
        signers: &[("Joel Tavares Moreau", "2026-03-25"), ("Cátia Rosado", "2026-03-25")],
        notes: "Blue jugs clause on page 2, last round 01:45.", ..DOCUMENT
    },
    Document {
        id: "doc-contract-shuttle", title: "Transfer order, Serra & Mar", tags: &["contract", "transport"], contact_id: "contact-shuttle",
        received_on: "2026-02-18",
        file_name: "serra-mar-transfer-order.pdf", size_bytes: 142_677,
        signers: &[("Ana Figueiredo", "2026-02-18"), ("Armindo Pacheco", "2026-02-18")],
        pinned: true, notes: "Rest times in annex; standby coach until 22:00 for 210 EUR.", ..DOCUMENT
    },
    Document {
        id: "doc-insurance-event", title: "Event liability insurance", kind: "insurance", tags: &["insurance"], contact_id: "contact-ana",
        received_on: "2025-10-20",
        file_name: "event-liability-policy.pdf", size_bytes: 618_209, signers: &[("Ana Figueiredo", "2025-10-20")],
        notes: "Candles covered with a signed safety walk, cold sparks excluded.", ..DOCUMENT
    },
    Document {
        id: "doc-insurance-vendors", title: "Vendors' insurance certificates, bundle", kind: "insurance", tags: &["insurance", "vendors"],
        contact_id: "contact-ana", received_on: "2026-06-02",
        file_name: "vendor-certificates-bundle.pdf", size_bytes: 3_902_556, earlier: &["2026-04-13"], signed_state: "not_required",
        notes: "Eleven certificates. Bar's was out of date until 2 June.", ..DOCUMENT
    },
    Document {
        id: "doc-permit-noise", title: "Special noise licence, Sintra", kind: "permit", tags: &["permit", "curfew"],
        contact_id: "contact-ines", received_on: "2026-05-22",
        file_name: "licenca-especial-ruido.pdf", size_bytes: 287_331, signers: &[("Câmara Municipal", "2026-05-22")],
        pinned: true, notes: "Until 02:00 on 21 June. Paper copy in the gatehouse.", ..DOCUMENT
    },
    Document {
        id: "doc-permit-drone", title: "Drone permit, 18:15 to 18:30", kind: "permit", tags: &["permit", "photo"],
        contact_id: "contact-film", received_on: "2026-05-06",
        file_name: "drone-authorisation.pdf", size_bytes: 174_840, signers: &[("Bastien Roux", "2026-05-06")],
        notes: "60 m, not above people, printed copy with Bastien.", ..DOCUMENT
    },
    Document {
        id: "doc-registry-notice", title: "Marriage process, notice of the registry", kind: "legal", tags: &["registry", "legal"],
        contact_id: "contact-registrar", received_on: "2026-03-11",
        file_name: "processo-de-casamento.pdf", size_bytes: 201_955,
        signers: &[("Amara Okafor", "2026-02-20"), ("Joel Tavares Moreau", "2026-02-20")],
        notes: "Process number is on page 1. Originals in the envelope with Ana.", ..DOCUMENT
    },
    Document {
        id: "doc-menu-final", title: "Menu in three languages", kind: "print", tags: &["food", "print"], contact_id: "contact-caterer",
        received_on: "2026-05-14",
        file_name: "menu-pt-en-fr.pdf", size_bytes: 2_118_604, earlier: &["2026-03-18", "2026-04-20"], signed_state: "not_required",
        notes: "Bread credited to Dona Odete. Allergens by letter.", ..DOCUMENT
    },
    Document {
        id: "doc-allergy-sheet", title: "Allergy sheet by table and seat", kind: "plan", tags: &["food", "safety"],
        contact_id: "contact-caterer", received_on: "2026-06-12",
        file_name: "allergy-sheet-2026-06-12.pdf", size_bytes: 96_412, earlier: &["2026-04-20", "2026-06-03"],
        signers: &[("Lurdes Patrício", "2026-06-12")],
        pinned: true, notes: "Printed for pass, bar, carers and medic. Destroy after three weeks.", ..DOCUMENT
    },
    Document {
        id: "doc-seating-plan", title: "Seating plan, frozen", kind: "plan", tags: &["guests", "design"], contact_id: "contact-ana",
        received_on: "2026-06-12",
        file_name: "seating-plan-v5.pdf", size_bytes: 540_187, earlier: &["2026-05-04", "2026-06-04", "2026-06-08", "2026-06-11"],
        signed_state: "not_required",
        pinned: true, notes: "Tables 5 and 9 stay where they are.", ..DOCUMENT
    },
    Document {
        id: "doc-run-sheet", title: "Run sheet, printed version", kind: "plan", tags: &["timeline", "print"], contact_id: "contact-ana",
        received_on: "2026-06-15",
        file_name: "run-sheet-2026-06-15.pdf", size_bytes: 318_726, earlier: &["2026-06-01", "2026-06-08"], signed_state: "not_required",
        pinned: true, notes: "Paper is the last fallback: twelve copies, two laminated.", ..DOCUMENT
    },
    Document {
        id: "doc-emergency-plan", title: "Emergency plan on one page", kind: "plan", tags: &["safety"], contact_id: "contact-ines",
        received_on: "2026-05-25",
        file_name: "emergency-plan.pdf", size_bytes: 88_253, signers: &[("Inês Sobral", "2026-05-25"), ("Ana Figueiredo", "2026-05-25")],
        pinned: true, notes: "In the pocket of everyone with a radio.", ..DOCUMENT
    },
    Document {
        id: "doc-electrical-load", title: "Electrical load plan", kind: "plan", tags: &["power", "safety"], contact_id: "contact-lighting",
        received_on: "2026-06-09",
        file_name: "load-plan-barn-lawn.pdf", size_bytes: 402_990, signers: &[("Sílvia Rebelo", "2026-06-09")], signed_state: "pending",
        notes: "Inês has countersigned on paper, the scan is missing.", ..DOCUMENT
    },
    Document {
        id: "doc-processional-score", title: "Processional for string quartet", kind: "music", tags: &["music", "ceremony"],
        contact_id: "contact-quartet", received_on: "2026-06-02",
        file_name: "processional-highlife-quartet.pdf", size_bytes: 1_047_382, earlier: &["2026-05-20"], signed_state: "not_required",
        notes: "Kelechi's arrangement with Leonor's extra bar at the end of the aisle.", ..DOCUMENT
    },
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    DOCUMENTS.iter().map(entry)
}

fn entry(document: &Document) -> Entry {
    let sha256 = |version: u32| stand_in_sha256(&format!("{} v{version}", document.id));
    let earlier: Vec<Value> = document
        .earlier
        .iter()
        .zip(1..)
        .map(|(received_on, version)| json!({ "version": version, "blob_sha256": sha256(version), "received_on": received_on }))
        .collect();
    let version = document.earlier.iter().fold(1, |version, _| version + 1);
    let signers = document.signers.iter().map(|(name, on)| json!({ "name": name, "signed_on": on })).collect();
    Body::new()
        .put("title", document.title)
        .put("kind", document.kind)
        .strings("tags", document.tags)
        .put("contact_id", document.contact_id)
        .put("received_on", document.received_on)
        .put("file_name", document.file_name)
        .put("media_type", "application/pdf")
        .put("size_bytes", document.size_bytes)
        .put("blob_sha256", sha256(version))
        .put("version", version)
        .array("versions", earlier)
        .put("signed_state", document.signed_state)
        .array("signers", signers)
        .put("pinned", document.pinned)
        .put("notes", document.notes)
        .entry("documents", document.id)
}
