//! The 38 instalments. Amounts are in cents of a euro.

use serde_json::{Value, json};

use super::{Body, Entry};

struct Payment {
    id: &'static str,
    title: &'static str,
    contact_id: &'static str,
    payer: &'static str,
    /// Which of how many.
    part: (u32, u32),
    amount: u32,
    vat_rate: f64,
    due: &'static str,
    invoice_ref: &'static str,
    document_id: &'static str,
    /// Day, method and reference; nothing when it is still to be paid.
    paid: Option<(&'static str, &'static str, &'static str)>,
    notes: &'static str,
}

const PAYMENT: Payment = Payment {
    id: "",
    title: "",
    contact_id: "",
    payer: "couple",
    part: (1, 1),
    amount: 0,
    vat_rate: 23.0,
    due: "",
    invoice_ref: "",
    document_id: "",
    paid: None,
    notes: "",
};

const TRANSFER: &str = "bank_transfer";
const CARD: &str = "card";
const CASH: &str = "cash";

#[rustfmt::skip]
const PAYMENTS: &[Payment] = &[
    Payment { id: "pay-planning-1", title: "Planning, on signing", contact_id: "contact-ana", part: (1, 3), amount: 200_000,
        due: "2025-09-10", invoice_ref: "FT 2025/118", document_id: "doc-contract-planning",
        paid: Some(("2025-09-10", TRANSFER, "OKAFOR MOREAU 1")), notes: "First invoice of the file.", ..PAYMENT },
    Payment { id: "pay-planning-2", title: "Planning, second fee", contact_id: "contact-ana", part: (2, 3), amount: 200_000,
        due: "2025-12-15", invoice_ref: "FT 2025/164", document_id: "doc-contract-planning",
        paid: Some(("2025-12-15", TRANSFER, "OKAFOR MOREAU 2")), ..PAYMENT },
    Payment { id: "pay-planning-3", title: "Planning, final fee", contact_id: "contact-ana", part: (3, 3), amount: 250_000,
        due: "2026-07-13", document_id: "doc-contract-planning",
        notes: "Flat fee, goes out with the list of hours.", ..PAYMENT },
    Payment { id: "pay-venue-1", title: "Quinta do Vale, reservation", contact_id: "contact-ines", part: (1, 3), amount: 300_000,
        due: "2025-10-10", invoice_ref: "QV 25-077", document_id: "doc-contract-venue",
        paid: Some(("2025-10-09", TRANSFER, "QUINTA 20 JUN")), notes: "Not refundable after 1 January.", ..PAYMENT },
    Payment { id: "pay-venue-2", title: "Quinta do Vale, second third", contact_id: "contact-ines", part: (2, 3), amount: 300_000,
        due: "2025-12-15", invoice_ref: "QV 25-101", document_id: "doc-contract-venue",
        paid: Some(("2025-12-15", TRANSFER, "QUINTA 20 JUN B")), ..PAYMENT },
    Payment { id: "pay-venue-3", title: "Quinta do Vale, balance", contact_id: "contact-ines", part: (3, 3), amount: 350_000,
        due: "2026-06-12", invoice_ref: "QV 26-041", document_id: "doc-contract-venue",
        paid: Some(("2026-06-11", TRANSFER, "QUINTA 20 JUN C")), notes: "Contains the hour from 01:00 to 02:00.", ..PAYMENT },
    Payment { id: "pay-venue-deposit", title: "Quinta do Vale, damage deposit", contact_id: "contact-ines", amount: 150_000, vat_rate: 0.0,
        due: "2026-06-12", invoice_ref: "QV 26-042", document_id: "doc-contract-venue",
        paid: Some(("2026-06-11", TRANSFER, "QUINTA CAUCAO")),
        notes: "Comes back after the protocol of 25 June, so it is not part of the budget.", ..PAYMENT },
    Payment { id: "pay-catering-1", title: "Mesa Farta, reservation", contact_id: "contact-caterer", part: (1, 3), amount: 400_000,
        vat_rate: 13.0, due: "2025-11-05", invoice_ref: "MF/2025/212", document_id: "doc-contract-catering",
        paid: Some(("2025-11-04", TRANSFER, "MF 212")), ..PAYMENT },
    Payment { id: "pay-catering-2", title: "Mesa Farta, after the tasting", contact_id: "contact-caterer", part: (2, 3), amount: 500_000,
        vat_rate: 13.0, due: "2026-04-30", invoice_ref: "MF/2026/067", document_id: "doc-contract-catering",
        paid: Some(("2026-04-29", TRANSFER, "MF 067")), ..PAYMENT },
    Payment { id: "pay-catering-3", title: "Mesa Farta, balance on the final count", contact_id: "contact-caterer", part: (3, 3),
        amount: 843_400, vat_rate: 13.0, due: "2026-06-12", invoice_ref: "MF/2026/104", document_id: "doc-contract-catering",
        paid: Some(("2026-06-11", TRANSFER, "MF 104")), notes: "136 covers at 118, 8 children at 45, 57 crew meals at 18, less 9,000 paid.",
        ..PAYMENT },
    Payment { id: "pay-photo-1", title: "Luz Lenta, deposit", contact_id: "contact-rui", part: (1, 2), amount: 150_000, due: "2025-12-15",
        invoice_ref: "LL 31", document_id: "doc-contract-photo",
        paid: Some(("2025-12-15", TRANSFER, "LUZ LENTA 1")), notes: "Engagement session included.", ..PAYMENT },
    Payment { id: "pay-photo-2", title: "Luz Lenta, balance", contact_id: "contact-rui", part: (2, 2), amount: 270_000, due: "2026-06-15",
        invoice_ref: "LL 58", document_id: "doc-contract-photo",
        paid: Some(("2026-06-15", TRANSFER, "LUZ LENTA 2")), ..PAYMENT },
    Payment { id: "pay-film-1", title: "Onze Mètres, acompte", contact_id: "contact-film", part: (1, 2), amount: 120_000, vat_rate: 0.0,
        due: "2025-11-20", invoice_ref: "OM-2025-19", document_id: "doc-contract-film",
        paid: Some(("2025-11-19", TRANSFER, "ONZE METRES 19")), notes: "French small-business invoice, no VAT.", ..PAYMENT },
    Payment { id: "pay-film-2", title: "Onze Mètres, solde", contact_id: "contact-film", part: (2, 2), amount: 200_000, vat_rate: 0.0,
        due: "2026-06-26", document_id: "doc-contract-film",
        notes: "Overtime only if Ana confirms it from the log.", ..PAYMENT },
    Payment { id: "pay-flowers-1", title: "Flor de Esteva, order", contact_id: "contact-florist", part: (1, 2), amount: 200_000,
        vat_rate: 6.0, due: "2026-03-31", invoice_ref: "FE 2026-14", document_id: "doc-contract-flowers",
        paid: Some(("2026-03-30", TRANSFER, "FLOR 14")), ..PAYMENT },
    Payment { id: "pay-flowers-2", title: "Flor de Esteva, balance less credit", contact_id: "contact-florist", part: (2, 2),
        amount: 211_500, vat_rate: 6.0, due: "2026-06-18", invoice_ref: "FE 2026-39", document_id: "doc-contract-flowers",
        paid: Some(("2026-06-18", TRANSFER, "FLOR 39")), notes: "4,200 agreed, 85 credit for the wilted sample.", ..PAYMENT },
    Payment { id: "pay-quartet", title: "Quarteto Alcântara", contact_id: "contact-quartet", amount: 140_000, vat_rate: 6.0,
        due: "2026-06-17", invoice_ref: "QA 2026/8", document_id: "doc-contract-quartet",
        paid: Some(("2026-06-17", TRANSFER, "QUARTETO 8")), notes: "Arrangement fee of 120 included.", ..PAYMENT },
    Payment { id: "pay-sound-1", title: "Maré Alta, deposit", contact_id: "contact-dj", part: (1, 2), amount: 70_000, due: "2025-12-01",
        invoice_ref: "MA 2025-44", document_id: "doc-contract-sound",
        paid: Some(("2025-12-01", TRANSFER, "MARE ALTA 44")), ..PAYMENT },
    Payment { id: "pay-sound-2", title: "Maré Alta, balance", contact_id: "contact-dj", part: (2, 2), amount: 130_000, due: "2026-06-19",
        invoice_ref: "MA 2026-21", document_id: "doc-contract-sound",
        paid: Some(("2026-06-19", TRANSFER, "MARE ALTA 21")), ..PAYMENT },
    Payment { id: "pay-drummers-1", title: "Ìlù Ensemble, first half", contact_id: "contact-drummers", part: (1, 2), amount: 90_000,
        vat_rate: 6.0, due: "2026-01-20", invoice_ref: "ILU-003", document_id: "doc-contract-drummers",
        paid: Some(("2026-01-19", TRANSFER, "ILU 003")), ..PAYMENT },
    Payment { id: "pay-drummers-2", title: "Ìlù Ensemble, second half", contact_id: "contact-drummers", payer: "Emeka Okafor", part: (2, 2),
        amount: 90_000, vat_rate: 6.0, due: "2026-06-20", document_id: "doc-contract-drummers",
        notes: "Emeka pays in cash after the money spray. Receipt to me, not to the couple.", ..PAYMENT },
    Payment { id: "pay-lighting-1", title: "Pirilampo, deposit", contact_id: "contact-lighting", part: (1, 2), amount: 120_000,
        due: "2026-01-05", invoice_ref: "PL 902", document_id: "doc-contract-lighting",
        paid: Some(("2026-01-05", TRANSFER, "PIRILAMPO 902")), ..PAYMENT },
    Payment { id: "pay-lighting-2", title: "Pirilampo, balance", contact_id: "contact-lighting", part: (2, 2), amount: 210_000,
        due: "2026-06-24", document_id: "doc-contract-lighting",
        notes: "Fuel for the generator by the meter, at most 60 on top.", ..PAYMENT },
    Payment { id: "pay-rentals-1", title: "Aluguer da Serra, order", contact_id: "contact-rentals", part: (1, 2), amount: 140_000,
        due: "2026-02-10", invoice_ref: "AS 2026/31", document_id: "doc-contract-rentals",
        paid: Some(("2026-02-09", TRANSFER, "ALUGUER 31")), ..PAYMENT },
    Payment { id: "pay-rentals-2", title: "Aluguer da Serra, before delivery", contact_id: "contact-rentals", part: (2, 2), amount: 225_000,
        due: "2026-06-12", invoice_ref: "AS 2026/88", document_id: "doc-contract-rentals",
        paid: Some(("2026-06-11", TRANSFER, "ALUGUER 88")), notes: "Breakage is settled from the list on the ramp.", ..PAYMENT },
    Payment { id: "pay-bar-1", title: "Bar Medronho, stock", contact_id: "contact-bar", part: (1, 2), amount: 180_000, due: "2026-05-29",
        invoice_ref: "BM 66", document_id: "doc-contract-bar",
        paid: Some(("2026-05-29", TRANSFER, "MEDRONHO 66")), ..PAYMENT },
    Payment { id: "pay-bar-2", title: "Bar Medronho, by consumption", contact_id: "contact-bar", part: (2, 2), amount: 296_000,
        due: "2026-06-29", document_id: "doc-contract-bar",
        notes: "Ceiling. Full bottles go back, count them with Cátia before she leaves.", ..PAYMENT },
    Payment { id: "pay-cake", title: "Forno da Graça, cake and 20 cupcakes", contact_id: "contact-cake", amount: 89_000, vat_rate: 13.0,
        due: "2026-06-17", invoice_ref: "FG 2026-207",
        paid: Some(("2026-06-17", CARD, "terminal 0417")), notes: "Nut-free box at no extra charge.", ..PAYMENT },
    Payment { id: "pay-shuttle-1", title: "Serra & Mar, deposit", contact_id: "contact-shuttle", part: (1, 2), amount: 60_000,
        vat_rate: 6.0, due: "2026-03-02", invoice_ref: "SM 2026-118", document_id: "doc-contract-shuttle",
        paid: Some(("2026-03-02", TRANSFER, "SERRA MAR 118")), ..PAYMENT },
    Payment { id: "pay-shuttle-2", title: "Serra & Mar, after the last coach", contact_id: "contact-shuttle", part: (2, 2), amount: 115_000,
        vat_rate: 6.0, due: "2026-06-25", document_id: "doc-contract-shuttle",
        notes: "Plus 210 if the standby coach was called before 22:00.", ..PAYMENT },
    Payment { id: "pay-hair", title: "Atelier Pimentel, seven heads and a trial", contact_id: "contact-hair", amount: 78_000,
        due: "2026-06-20", invoice_ref: "AP 2026-55",
        paid: Some(("2026-06-20", CASH, "envelope, signed 12:15")), notes: "Paid by Chiamaka from the envelope.", ..PAYMENT },
    Payment { id: "pay-makeup", title: "Coker Beauty, make-up, gele and travel", contact_id: "contact-makeup", amount: 135_000,
        vat_rate: 0.0, due: "2026-06-18", invoice_ref: "CB-26-031",
        paid: Some(("2026-06-18", TRANSFER, "COKER 031")), notes: "Flight is in the fee, the room is on the hotel's bill.", ..PAYMENT },
    Payment { id: "pay-stationery", title: "Papel & Pedra, everything printed", contact_id: "contact-stationer", amount: 154_000,
        due: "2026-06-10", invoice_ref: "PP 2026/73",
        paid: Some(("2026-06-10", CARD, "terminal 1120")), notes: "Two reprints on the day are free, three are not.", ..PAYMENT },
    Payment { id: "pay-childcare", title: "Baloiço, two carers for nine and a half hours", contact_id: "contact-childcare", amount: 48_000,
        due: "2026-06-26",
        notes: "By the hour after 00:15.", ..PAYMENT },
    Payment { id: "pay-welcome-dinner", title: "Welcome dinner for 64", contact_id: "contact-hotel", payer: "Helena Tavares and Luc Moreau",
        amount: 288_000, vat_rate: 13.0, due: "2026-06-19", invoice_ref: "HC 26-5512",
        paid: Some(("2026-06-19", CARD, "two cards, half each")), notes: "Helena and Luc halved it between them without my help. Progress.",
        ..PAYMENT },
    Payment { id: "pay-celebrant", title: "Teresa Amaral, ceremony", contact_id: "contact-officiant", amount: 65_000, due: "2026-06-16",
        invoice_ref: "TA 19",
        paid: Some(("2026-06-16", TRANSFER, "TERESA 19")), ..PAYMENT },
    Payment { id: "pay-registry", title: "Registry fee, ceremony outside the office on a Saturday", contact_id: "contact-registrar",
        amount: 20_000, vat_rate: 0.0, due: "2026-02-20", invoice_ref: "RC 88213", document_id: "doc-registry-notice",
        paid: Some(("2026-02-20", CARD, "counter 3")), ..PAYMENT },
    Payment { id: "pay-medic", title: "Socorro Sintra, medic and car", contact_id: "contact-medic", amount: 52_000, vat_rate: 0.0,
        due: "2026-06-30",
        notes: "Nearly twelve hours, night rate from 22:00 is in the price.", ..PAYMENT },
];

pub(super) fn entries() -> impl Iterator<Item = Entry> {
    PAYMENTS.iter().map(entry)
}

fn entry(payment: &Payment) -> Entry {
    let (instalment, instalments) = payment.part;
    let entries: Vec<Value> = payment
        .paid
        .iter()
        .map(|(paid_on, method, reference)| {
            let key = format!("{}-1", payment.id);
            json!({ "key": key, "paid_on": paid_on, "amount": payment.amount, "method": method, "reference": reference })
        })
        .collect();
    Body::new()
        .put("title", payment.title)
        .put("contact_id", payment.contact_id)
        .put("payer", payment.payer)
        .put("instalment", instalment)
        .put("instalments", instalments)
        .put("amount", payment.amount)
        .put("currency", "EUR")
        .put("vat_rate", payment.vat_rate)
        .put("due", payment.due)
        .text("invoice_ref", payment.invoice_ref)
        .text("document_id", payment.document_id)
        .put("status", if entries.is_empty() { "open" } else { "paid" })
        .put("entries", entries)
        .text("notes", payment.notes)
        .entry("payments", payment.id)
}
