//! `ufm list`: what there is, one line each.

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::init::BUILT_IN;
use super::{CliError, Outcome, print, print_json};
use crate::{gpu, losses, metrics, report, solvers, starts, theorems};

/// Arguments of `ufm list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to list
    #[arg(value_name = "WHAT")]
    what: What,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Loss functions
    Losses,
    /// Ways to move
    Solvers,
    /// Ways to begin
    Starts,
    /// Neural-collapse metrics
    Metrics,
    /// Published statements checked on records
    Theorems,
    /// Figures of a report
    Figures,
    /// Scenarios that come with the program
    Scenarios,
    /// Where numbers can be computed
    Devices,
}

/// A line: name, what it is, and the keys it takes.
struct Item {
    name: &'static str,
    summary: String,
    /// Keys with what is allowed; none for things that take no keys.
    keys: Vec<String>,
}

impl Item {
    fn plain(name: &'static str, summary: impl Into<String>) -> Self {
        Self { name, summary: summary.into(), keys: Vec::new() }
    }
}

/// Prints the list.
pub(super) fn run(args: &Args) -> Result<Outcome, CliError> {
    let items = items(args.what);
    if args.json {
        let items: Vec<Value> =
            items.iter().map(|item| json!({ "name": item.name, "summary": item.summary, "keys": item.keys })).collect();
        print_json(&items)?;
    } else if items.is_empty() {
        print("none in this version\n")?;
    } else {
        print(&table(&items))?;
    }
    Ok(Outcome::Done)
}

fn items(what: What) -> Vec<Item> {
    let keys = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect();
    match what {
        What::Losses => losses::ALL.iter().chain([&losses::CUSTOM]).map(loss).collect(),
        What::Solvers => solvers::ALL
            .iter()
            .map(|family| Item { name: family.name, summary: family.summary.into(), keys: keys(family.keys) })
            .collect(),
        What::Starts => starts::ALL
            .iter()
            .map(|family| Item { name: family.name, summary: family.summary.into(), keys: keys(family.keys) })
            .collect(),
        What::Metrics => metrics::ALL.iter().map(|family| Item::plain(family.name, family.summary)).collect(),
        What::Figures => report::ALL.iter().map(|family| Item::plain(family.name, family.summary)).collect(),
        What::Scenarios => BUILT_IN.iter().map(|built_in| Item::plain(built_in.name, built_in.question())).collect(),
        What::Theorems => theorems::ALL.iter().map(|theorem| Item::plain(theorem.name, theorem.title)).collect(),
        What::Devices => {
            let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            let mut devices = vec![Item::plain("cpu", format!("double precision, {cores} threads"))];
            match gpu::adapters() {
                Ok(adapters) => {
                    devices.extend(adapters.into_iter().map(|it| Item::plain("gpu", format!("{}: {}", it.name, it.details))))
                }
                Err(error) => devices.push(Item::plain("gpu", error.to_string())),
            }
            devices
        }
    }
}

fn loss(family: &losses::Family) -> Item {
    let parameters = family.parameters.iter().map(|parameter| match parameter.default {
        Some(default) => format!("{} (default {default})", parameter.allowed),
        None => parameter.allowed.to_owned(),
    });
    Item { name: family.name, summary: family.summary.into(), keys: parameters.collect() }
}

/// Aligned columns without frames: one line an item, whatever the width of the terminal, so that `grep` and `cut` work.
fn table(items: &[Item]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for item in items {
        table.add_row([item.name.to_owned(), item.summary.clone(), item.keys.join(", ")]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join("\n") + "\n"
}
