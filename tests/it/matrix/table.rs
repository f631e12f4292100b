//! The policy table: what is asked of each endpoint, and what everybody is to be answered.
//!
//! A row begins with the method and the path; a word in brackets tells two rows of one endpoint apart. Under it:
//! - `query`, `body`, `lines`: what is sent. `$NAME` stands for an id of the wedding that is asked about; a parameter of
//!   the path is filled by its name.
//! - `open`: no token is needed.
//! - `held`: what people of a locked organisation are answered, or of a suspended device, where it is not 403.
//! - `fresh`: with a new login, because the call ends it.
//! - `here`, `other`, `tenant`, `deleted`, `nothing`: what each of [`COLUMNS`] is answered, in their order; one word alone
//!   is for all of them. `-` asks nothing.
//!
//! An answer is a status, `:` and what became of the first operation where there is one, `+` where the answer shows
//! anything of what is kept in the wedding, `*` where it lists anything else.

use std::collections::BTreeMap;

/// Who asks, in the order of the columns: [`ACTORS`], and the lead of a wedding whose organisation is read only.
pub(crate) const COLUMNS: [&str; 11] = {
    let mut columns = [FROZEN; 11];
    let mut column = 0;
    while column < ACTORS.len() {
        columns[column] = ACTORS[column];
        column += 1;
    }
    columns
};
/// The last column.
pub(crate) const FROZEN: &str = "read-only";
/// Who asks while organisations are active.
pub(crate) const ACTORS: [&str; 10] =
    ["lead", "coordinator", "photographer", "vendor", "couple", "viewer", "admin", "nobody", "foreign", "removed"];

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// The wedding in which they are what they are called.
    Here,
    /// One of the same organisation with which they have nothing to do.
    Other,
    /// One of another organisation.
    Tenant,
    /// One like `here` that was deleted since.
    Deleted,
    /// Ids that nobody was given.
    Nothing,
}

impl Target {
    pub(crate) const ALL: [Self; 5] = [Self::Here, Self::Other, Self::Tenant, Self::Deleted, Self::Nothing];

    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Other => "other",
            Self::Tenant => "tenant",
            Self::Deleted => "deleted",
            Self::Nothing => "nothing",
        }
    }
}

/// What is asked of an endpoint, and the answers.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) method: String,
    /// As the OpenAPI document has it.
    pub(crate) path: String,
    /// Tells it apart from other rows of the endpoint.
    pub(crate) label: String,
    pub(crate) query: String,
    pub(crate) body: String,
    pub(crate) content: &'static str,
    pub(crate) is_open: bool,
    pub(crate) is_fresh: bool,
    /// What is answered while a tenant or a device is held.
    pub(crate) held: String,
    /// For each target that is asked about, an answer for each actor.
    pub(crate) answers: BTreeMap<Target, Vec<String>>,
}

impl Row {
    /// How it is called in the table.
    pub(crate) fn title(&self) -> String {
        format!("{} {}{}", self.method, self.path, self.label)
    }

    fn begun(line: &str) -> Self {
        let (endpoint, label) = line.find(" (").map_or((line, ""), |at| line.split_at(at));
        let (method, path) = endpoint.split_once(' ').unwrap_or_else(|| panic!("no method and path: {line}"));
        Self { method: method.to_owned(), path: path.to_owned(), label: label.to_owned(), held: "403".to_owned(), ..Self::default() }
    }

    fn take(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        match word {
            "open" => self.is_open = true,
            "fresh" => self.is_fresh = true,
            "held" => rest.clone_into(&mut self.held),
            "query" => rest.clone_into(&mut self.query),
            "body" => (self.body, self.content) = (rest.to_owned(), "application/json"),
            "lines" => (self.body, self.content) = (rest.to_owned(), "application/x-ndjson"),
            _ => {
                let target = Target::ALL.into_iter().find(|target| target.name() == word);
                let target = target.unwrap_or_else(|| panic!("{}: no such word: {word}", self.title()));
                let answers: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
                let answers = if answers.len() == 1 { vec![answers[0].clone(); COLUMNS.len()] } else { answers };
                assert_eq!(answers.len(), COLUMNS.len(), "{} {word}: an answer for each of {COLUMNS:?}", self.title());
                self.answers.insert(target, answers);
            }
        }
    }
}

/// Reads the table.
pub(crate) fn read(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match rows.last_mut() {
            Some(row) if line.starts_with(' ') => row.take(line.trim()),
            _ => rows.push(Row::begun(line)),
        }
    }
    rows
}

/// Writes a row's answers as the table has them.
pub(crate) fn write(title: &str, answers: &BTreeMap<Target, Vec<String>>) -> String {
    let line = |(target, answers): (&Target, &Vec<String>)| {
        let alike = answers.iter().all(|answer| *answer == answers[0]);
        let answers = if alike { answers[0].clone() } else { answers.join(" ") };
        format!("  {:<8} {answers}\n", target.name())
    };
    format!("{title}\n{}", answers.iter().map(line).collect::<String>())
}
