//! `rejoin bench`.

use crate::bench::client::Account;
use crate::bench::options::{BenchArgs, BenchCommand, Options};
use crate::bench::progress::Progress;
use crate::bench::push;
use crate::bench::report::{Figures, HEADS, table};
use crate::bench::target::{Target, read_password};
use crate::failure::Failure;

/// Measures, and prints what was measured.
pub(crate) fn run(database: Option<&str>, bench: &BenchArgs) -> Result<(), Failure> {
    let BenchArgs { command, options } = bench;
    let progress = Progress::new();
    let target = open(database, options)?;
    match command {
        BenchCommand::Push => {
            let runs = push::on_this_thread(run_push(&target, options, &progress))??;
            progress.end();
            show(options, &runs)?;
            runs.iter().try_for_each(push::must_be_applied)
        }
    }
}

fn open(_database: Option<&str>, options: &Options) -> Result<Target, Failure> {
    match (&options.url, &options.email, &options.password_file) {
        (Some(url), Some(email), Some(file)) => {
            let account = Account { email: email.clone(), password: read_password(file)? };
            Target::remote(url, account)
        }
        _ => Target::start_sqlite(),
    }
}

async fn run_push(target: &Target, options: &Options, progress: &Progress) -> Result<Vec<Figures>, Failure> {
    let plan = options.plan()?;
    let mut workers = push::prepare(target, &plan, progress).await?;
    let mut runs = Vec::new();
    for batch in options.batches()? {
        let figures;
        (workers, figures) = push::measure(target, &plan, workers, (batch, options.operations()?), progress).await?;
        runs.push(figures);
    }
    Ok(runs)
}

fn show(options: &Options, runs: &[Figures]) -> Result<(), Failure> {
    if options.json {
        let failed = |error: serde_json::Error| Failure::Failed(format!("the figures can't be written: {error}"));
        let mut object = serde_json::to_value(runs.first()).map_err(failed)?;
        if let Some(members) = object.as_object_mut() {
            members.insert("runs".into(), serde_json::to_value(runs).map_err(failed)?);
        }
        println!("{object}");
    } else {
        print!("{}", table(&HEADS, &runs.iter().map(Figures::cells).collect::<Vec<_>>()));
    }
    Ok(())
}
