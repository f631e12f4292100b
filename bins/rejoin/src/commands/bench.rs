//! `rejoin bench`.

use crate::bench::client::Account;
use crate::bench::cluster::Cluster;
use crate::bench::crew::{Plan, Worker};
use crate::bench::options::{BenchArgs, BenchCommand, Options};
use crate::bench::overload::{self, OverloadFigures};
use crate::bench::queue::{self, QueueFigures};
use crate::bench::realtime::{self, RealtimeFigures};
use crate::bench::report::Figures;
use crate::bench::results::Results;
use crate::bench::target::{Target, read_password};
use crate::bench::{audit, conflict, floor, logins, pull, push, scale};
use crate::failure::Failure;
use crate::progress::Progress;

/// Measures, and prints what was measured.
pub(crate) fn run(database: Option<&str>, allow_fsync_off: bool, bench: &BenchArgs) -> Result<(), Failure> {
    if matches!(bench.command, BenchCommand::Unrecorded) {
        return audit::serve_unrecorded(database, allow_fsync_off);
    }
    let options = &bench.options;
    let session = Session {
        database,
        allow_fsync_off,
        options,
        plan: options.plan()?,
        batches: options.batches()?,
        operations: options.operations()?,
        progress: Progress::new(),
    };
    if options.url.is_some()
        && matches!(
            bench.command,
            BenchCommand::Floor
                | BenchCommand::Scale
                | BenchCommand::Queue
                | BenchCommand::Realtime
                | BenchCommand::Audit
                | BenchCommand::All
        )
    {
        return Err(Failure::Input(
            "floor, scale, queue, realtime, audit and all need a database of their own: leave --url out, or run push, conflict or pull"
                .into(),
        ));
    }
    let results = push::on_this_thread(session.measure(bench.command));
    session.progress.end();
    let results = results?;
    if options.json {
        println!("{}", results.json()?);
    } else {
        print!("{}", results.tables());
    }
    results.must_be_right()
}

/// What was asked for.
struct Session<'a> {
    database: Option<&'a str>,
    allow_fsync_off: bool,
    options: &'a Options,
    plan: Plan,
    batches: Vec<usize>,
    operations: usize,
    progress: Progress,
}

impl Session<'_> {
    async fn measure(&self, command: BenchCommand) -> Result<Results, Failure> {
        let (plan, progress) = (&self.plan, &self.progress);
        let mut results = Results::default();
        match command {
            BenchCommand::Push => results.runs = self.push(&self.open()?).await?.1,
            BenchCommand::Floor => results.runs = self.push_and_floor(self.open()?).await?,
            BenchCommand::Conflict => results.conflict = Some(conflict::measure(&self.open()?, plan, self.batch(), progress).await?),
            BenchCommand::Pull => results.pull = pull::measure(&self.open()?, plan, self.options.quick, progress).await?,
            BenchCommand::Scale => results.scale = self.scale().await?,
            BenchCommand::Overload => results.overload = Some(self.overload(&self.open()?).await?),
            BenchCommand::Queue => results.queue = Some(self.queue().await?),
            BenchCommand::Realtime => results.realtime = Some(self.realtime().await?),
            BenchCommand::Audit => {
                let targets = (self.open()?, Target::start_unrecorded(self.database, self.allow_fsync_off)?);
                let (runs, note) = audit::measure(targets, plan, (self.batch(), self.operations), progress).await?;
                (results.runs, results.notes) = (runs, vec![note]);
            }
            BenchCommand::Unrecorded => return Err(Failure::Input("this is a server, and measures nothing".into())),
            BenchCommand::Logins => {
                let seconds = self.options.seconds()?;
                results.logins = Some(logins::measure(&self.open()?, plan, seconds, progress).await?);
            }
            BenchCommand::All => self.all(&mut results).await?,
        }
        Ok(results)
    }

    async fn all(&self, results: &mut Results) -> Result<(), Failure> {
        let (plan, progress) = (&self.plan, &self.progress);
        let target = self.open()?;
        results.conflict = Some(conflict::measure(&target, plan, self.batch(), progress).await?);
        results.pull = pull::measure(&target, plan, self.options.quick, progress).await?;
        drop(target);
        results.runs = self.push_and_floor(self.open()?).await?;
        if self.database.is_none() {
            if Cluster::is_installed() {
                let target = Target::start(Some("postgres"), self.allow_fsync_off)?;
                results.runs.extend(self.push_and_floor(target).await?);
            } else {
                results.notes.push("PostgreSQL is not measured: its initdb and postgres are not found.".into());
            }
        }
        results.scale = self.scale().await?;
        Ok(())
    }

    fn open(&self) -> Result<Target, Failure> {
        match (&self.options.url, &self.options.email, &self.options.password_file) {
            (Some(url), Some(email), Some(file)) => Target::remote(url, Account { email: email.clone(), password: read_password(file)? }),
            _ => Target::start(self.database, self.allow_fsync_off),
        }
    }

    /// The first size of batches.
    fn batch(&self) -> usize {
        self.batches.first().copied().unwrap_or(1)
    }

    /// A run for each size of batches.
    async fn push(&self, target: &Target) -> Result<(Vec<Worker>, Vec<Figures>), Failure> {
        let mut workers = push::prepare(target, &self.plan, &self.progress).await?;
        let mut runs = Vec::new();
        for batch in &self.batches {
            let figures;
            (workers, figures) = push::measure(target, &self.plan, workers, (*batch, self.operations), &self.progress).await?;
            runs.push(figures);
        }
        Ok((workers, runs))
    }

    /// The same, with the floor of each behind it.
    async fn push_and_floor(&self, mut target: Target) -> Result<Vec<Figures>, Failure> {
        let (mut workers, runs) = self.push(&target).await?;
        target.stop_server()?;
        let mut all = Vec::new();
        for mut run in runs {
            let floor = floor::measure(&target, &self.plan, &mut workers, &mut run, &self.progress)?;
            all.extend([run, floor]);
        }
        Ok(all)
    }

    async fn overload(&self, target: &Target) -> Result<OverloadFigures, Failure> {
        let work = (self.batch(), self.operations);
        overload::measure(target, &self.plan, work, self.options.seconds()?, &self.progress).await
    }

    async fn queue(&self) -> Result<QueueFigures, Failure> {
        let start = |database: Option<&str>, flags: &[&str]| Target::start_with(database, self.allow_fsync_off, flags);
        let queued = self.options.queued(self.batch())?;
        let scale = queue::Scale::new(queued, (self.operations, self.batch()), self.options.quick);
        queue::measure(start, self.database, (&self.plan, &scale), &self.progress).await
    }

    async fn realtime(&self) -> Result<RealtimeFigures, Failure> {
        let start = |database: Option<&str>| Target::start(database, self.allow_fsync_off);
        let scale = realtime::Scale::new(self.options.quick, self.options.sockets, self.options.seed);
        realtime::measure(start, self.database, &scale, &self.progress).await
    }

    async fn scale(&self) -> Result<Vec<Figures>, Failure> {
        let start = || Target::start(self.database, self.allow_fsync_off);
        scale::measure(start, &self.plan, (self.batch(), self.operations), self.options.quick, &self.progress).await
    }
}
