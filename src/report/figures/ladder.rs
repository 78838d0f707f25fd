//! The ladder of ranks: value, index and steepest escape of the critical points against their rank.

use super::super::axes::{Panel, Scale, short};
use super::super::canvas::{self, Drawn, Sheet, Stroke};
use super::super::csv::{Csv, cell};
use super::super::data::{Case, Group, RunData, count_ends};
use super::super::style::{Key, Legend, title};
use super::{CASES_MAX, Drawing, Family, left_out};
use crate::record::Record;

/// The figure's entry.
pub(super) const FAMILY: Family = Family {
    name: "ladder",
    summary: "value, index and escape curvature of the critical points against their rank",
    caption: "Critical points by the rank r of W and H. Minimising at width r and padding with zeros gives a saddle of the wide problem as long as r is below \
              the rank of the global minimum; its index is (d − r) times the number of singular values of G above μ. Right: how fast the function falls along the \
              steepest free escape direction, 2(σ_max − μ); points without one are not drawn. Dashes are theory: index (d − r)(R − r) for the minimum of width r, where as many singular \
              values of G exceed μ as it lacks of the rank R of the global minimum (other critical points of that rank lie above); curvature 2μ(‖G‖/μ − 1), from the dual ratio. \
              The cases are set side by side at each rank.",
    draw,
};

struct Quantity {
    id: &'static str,
    title: &'static str,
    label: &'static str,
    of: fn(&Record) -> Option<f64>,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity { id: "value", title: "value", label: "value f", of: |record| Some(record.value) },
    Quantity {
        id: "index",
        title: "index",
        label: "negative eigenvalues",
        of: |record| record.index.map(|index| count_ends(index).0),
    },
    Quantity {
        id: "escape_curvature",
        title: "steepest escape",
        label: "2(σ_{max} − μ)",
        of: |record| record.escape_curvature.map(|x| -x),
    },
];

fn draw(data: &RunData) -> Result<Drawing, String> {
    let cases = data.cases();
    let ranked = |case: &Case| -> Vec<usize> {
        let mut ranks: Vec<usize> = critical(case).iter().filter_map(|group| group.record.rank).collect();
        ranks.dedup();
        ranks
    };
    let with_ranks: Vec<&Case> = cases.iter().filter(|case| !ranked(case).is_empty()).collect();
    let drawn = &with_ranks[..with_ranks.len().min(CASES_MAX)];
    let mut ranks: Vec<usize> = drawn.iter().flat_map(|case| ranked(case)).collect();
    ranks.sort_unstable();
    ranks.dedup();
    if ranks.len() < 2 {
        return Err("the critical points found have fewer than two different ranks".into());
    }
    let (svg, csv) = picture(drawn, ranks[0] as f64, ranks[ranks.len() - 1] as f64)?;
    Ok(Drawing { svg, csv, note: left_out(with_ranks.len(), drawn.len(), "cases") })
}

fn critical<'a>(case: &Case<'a>) -> Vec<Group<'a>> {
    let mut groups = case.groups();
    groups.retain(|group| !matches!(group.record.nature.as_deref(), None | Some("not-critical")));
    groups
}

fn picture(cases: &[&Case], first: f64, last: f64) -> Result<(String, String), String> {
    let width = 1000.0;
    let entries = cases.iter().map(|case| (Key::Marker(case.look), case.label.clone())).collect();
    let legend = Legend::new(entries, 16.0, width - 32.0);
    let top = 36.0 + legend.height() + 30.0;
    let mut csv = Csv::new(&["case", "label", "quantity", "rank", "value", "start_index"]);
    let svg = canvas::picture((width, top + 270.0 + 48.0), "The ladder of ranks", |sheet| {
        title(sheet, "The ladder of ranks")?;
        legend.draw(sheet, 36.0)?;
        let x = Scale::Count { low: first - 0.7, high: last + 0.7 };
        for (i, quantity) in QUANTITIES.iter().enumerate() {
            let Some(y) = scale(cases, quantity) else { continue };
            let panel = Panel { left: 76.0 + i as f64 * 318.0, top, width: 236.0, height: 270.0, x, y };
            draw_panel(sheet, &panel, cases, quantity, &mut csv)?;
        }
        Ok(())
    })?;
    Ok((svg, csv.finish()))
}

/// Rank, quantity and first start of the case's critical points, by rank.
fn points(case: &Case, quantity: &Quantity) -> Vec<(usize, f64, usize)> {
    let point = |group: &Group| Some((group.record.rank?, (quantity.of)(group.record)?, group.record.start_index));
    let mut points: Vec<_> = critical(case).iter().filter_map(point).filter(|(_, value, _)| value.is_finite()).collect();
    points.sort_by_key(|&(rank, _, _)| rank);
    points
}

/// What theory says of a quantity at the ranks where it says something: the index of the minimum of each width, and the curvature of every point that has one.
fn predicted(case: &Case, quantity: &Quantity) -> Vec<(usize, f64)> {
    let groups = critical(case);
    match quantity.id {
        "index" => {
            let global = groups.iter().find(|group| group.record.nature.as_deref() == Some("global-minimum"));
            let Some((full, width)) = global.and_then(|group| Some((group.record.rank?, group.record.width))) else {
                return Vec::new();
            };
            let mut ranks: Vec<usize> =
                points(case, quantity).into_iter().map(|(rank, ..)| rank).filter(|&rank| rank <= full).collect();
            ranks.dedup();
            ranks.into_iter().map(|rank| (rank, (width.saturating_sub(rank) * (full - rank)) as f64)).collect()
        }
        "escape_curvature" => {
            let of_group = |group: &Group| {
                let record = group.record;
                record.escape_curvature?;
                let mu = (record.decay_w? * record.decay_h?).sqrt();
                Some((record.rank?, 2.0 * mu * (record.dual_ratio? - 1.0)))
            };
            groups.iter().filter_map(of_group).filter(|(_, value)| value.is_finite()).collect()
        }
        _ => Vec::new(),
    }
}

/// Equal factors for positive values that differ much, whole ticks for an index; none without values.
fn scale(cases: &[&Case], quantity: &Quantity) -> Option<Scale> {
    let values: Vec<f64> = cases.iter().flat_map(|case| points(case, quantity)).map(|(_, value, _)| value).collect();
    let (low, high) = (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(0.0, f64::max));
    let wide = low > 0.0 && high > 8.0 * low;
    match (Scale::linear(values.iter().copied())?, quantity.id) {
        (Scale::Linear { low, high }, "index") => Some(Scale::Count { low, high }),
        _ if wide => Scale::log(values.iter().copied()),
        (linear, _) => Some(linear),
    }
}

fn draw_panel(sheet: &Sheet, panel: &Panel, cases: &[&Case], quantity: &Quantity, csv: &mut Csv) -> Drawn {
    let chart = panel.chart(sheet, quantity.title, "rank r of W and H", quantity.label)?;
    for (k, case) in cases.iter().enumerate() {
        // Side by side, within a third of a rank.
        let shift = if cases.len() > 1 { 0.6 * (k as f64 / (cases.len() - 1) as f64 - 0.5) } else { 0.0 };
        let look = Stroke::new(case.look.color, 2.0);
        for (rank, value) in predicted(case, quantity) {
            let (x, y) = chart.at((rank as f64 + shift, value));
            let reach = if cases.len() > 1 { 8.0 } else { 13.0 };
            let tip = format!("{}: r = {rank}, theory {} = {}", case.label, quantity.id, short(value));
            sheet.tipped(&tip, || sheet.line((x - reach, y), (x + reach, y), look))?;
            let numbers = [rank.to_string(), cell(Some(value)), String::new()];
            csv.row(&[[case.id.into(), case.label.clone(), format!("{}_theory", quantity.id)].as_slice(), &numbers].concat());
        }
        for (rank, value, start_index) in points(case, quantity) {
            let tip = format!("{}: r = {rank}, {} = {}", case.label, quantity.id, short(value));
            sheet.tipped(&tip, || chart.mark((rank as f64 + shift, value), case.look.mark(4.5)))?;
            csv.row(&[
                case.id.into(),
                case.label.clone(),
                quantity.id.into(),
                rank.to_string(),
                cell(Some(value)),
                start_index.to_string(),
            ]);
        }
    }
    Ok(())
}
