//! A sweep over widths as it would be, for the tests: cross-entropy and MSE at d = 2, 3, 4 of K = 4, at two ε, four Gaussian starts each.

use std::path::Path;

use super::RunData;
use super::fixture::quickstart;

/// Figures that need several widths.
pub(super) const FIGURES: [&str; 2] = ["loss-differences", "success-by-width"];

/// The sweep. At d = 2 the second start of every case ends at a local minimum a hundredth above.
pub(super) fn widths(dir: &Path) -> RunData {
    let mut data = quickstart(dir);
    let wanted = |case: &str, start: usize| (case == "a1" || case == "d4") && start < 4;
    let (records, rows) = (std::mem::take(&mut data.records), std::mem::take(&mut data.trajectories));
    for epsilon in [1_u32, 4] {
        for width in [2, 3, 4] {
            let case = |case: &str| format!("{case}-{width}-{epsilon}");
            for record in records.iter().filter(|record| wanted(&record.case, record.start_index)) {
                let mut record = record.clone();
                record.case = case(&record.case);
                record.width = width;
                if record.loss == "mse" {
                    record.loss_params.insert("kappa".into(), 1.0);
                }
                record.epsilon = record.epsilon.map(|x| x * f64::from(epsilon));
                for decay in [&mut record.decay_w, &mut record.decay_h] {
                    *decay = decay.map(|x| x * f64::from(epsilon));
                }
                if width < 3 {
                    record.closed_form_value = None;
                    if record.start_index == 1 {
                        record.value *= 1.01;
                        record.nature = Some("local-minimum".into());
                    }
                }
                data.records.push(record);
            }
            for row in rows.iter().filter(|row| wanted(&row.case, row.start_index)) {
                let mut row = row.clone();
                row.case = case(&row.case);
                if width < 3 {
                    row.metrics.values_mut().for_each(|metric| *metric += 0.1);
                }
                data.trajectories.push(row);
            }
        }
    }
    (data.census, data.escapes, data.slices) = (None, Vec::new(), Vec::new());
    data
}
