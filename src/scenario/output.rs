//! `[output]`, judged: what a run leaves beside its records.

use super::expect::known;
use super::tables::OutputTable;
use super::tree::{Fault, Way};

/// Up to this many points trajectories are kept whole where the scenario does not say. Beyond it nobody looks at single ones, and recording them costs more than the descent of a small problem.
const TRACED_MAX: usize = 1_000;

/// Which rows of the solvers' trajectories are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trajectories {
    /// About 500 log-spaced rows a point.
    All,
    /// Steps 0, 1, 2, 4, 8, … and the last: about a dozen rows a point.
    Thin,
    /// None.
    None,
}

impl Trajectories {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::All, Self::Thin, Self::None];

    /// The name used in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Thin => "thin",
            Self::None => "none",
        }
    }

    /// After a row at `step`, the step of the next one; `None`: there is none.
    pub fn next(self, step: u64) -> Option<u64> {
        match self {
            // Every step up to 100, then 2 % apart: 560 rows for a million steps.
            Self::All => Some((step + 1).max(step + step / 50)),
            Self::Thin => Some((2 * step).max(1)),
            Self::None => None,
        }
    }
}

/// `[output]`, resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The rows of trajectories that are recorded. No record depends on them.
    pub trajectories: Trajectories,
    /// Whether every point has a file. Without one a record names none, so this is part of a case's identity.
    pub points: bool,
}

impl Output {
    /// What a scenario of this many points leaves; `asked` is its table.
    pub(super) fn of(asked: Asked, points: usize) -> Self {
        let default = if points > TRACED_MAX { Trajectories::None } else { Trajectories::All };
        Self { trajectories: asked.trajectories.unwrap_or(default), points: asked.points }
    }
}

/// What the table says; the default of `trajectories` depends on the number of points, which is known once every cell is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) trajectories: Option<Trajectories>,
    pub(super) points: bool,
}

/// Names of `output.points`.
pub(super) const POINTS: [&str; 2] = ["all", "none"];

/// Judges the table; `reader` names the section that reads point files, where there is one.
pub(super) fn output(table: Option<&OutputTable>, reader: Option<&str>) -> Result<Asked, Fault> {
    let mut asked = Asked { trajectories: None, points: true };
    let Some(table) = table else { return Ok(asked) };
    let way = Way::keys(["output"]);
    if let Some(name) = &table.trajectories {
        known(&way.then("trajectories"), name, "choice", Trajectories::ALL.iter().map(|choice| choice.name()))?;
        asked.trajectories = Trajectories::ALL.into_iter().find(|choice| choice.name() == name);
    }
    if let Some(name) = &table.points {
        let way = way.then("points");
        known(&way, name, "choice", POINTS.into_iter())?;
        asked.points = name == POINTS[0];
        if let (false, Some(reader)) = (asked.points, reader) {
            return Err(Fault::new(&way, format!("`[{reader}]` reads the point files, so they cannot be left out")));
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_rows_are_a_dozen() {
        let rows = |kept: Trajectories| {
            let mut next = Some(0);
            (0..100_000_u64)
                .filter(|&step| {
                    let row = next.is_some_and(|next| step >= next);
                    if row {
                        next = kept.next(step);
                    }
                    row
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(rows(Trajectories::Thin)[..6], [0, 1, 2, 4, 8, 16]);
        assert_eq!(rows(Trajectories::Thin).len(), 18);
        let all = rows(Trajectories::All);
        assert!(all[..100].iter().copied().eq(0..100) && all.len() < 500, "{}", all.len());
    }

    #[test]
    fn many_points_leave_no_trajectories_unasked() {
        let asked = Asked { trajectories: None, points: true };
        assert_eq!(Output::of(asked, TRACED_MAX).trajectories, Trajectories::All);
        assert_eq!(Output::of(asked, TRACED_MAX + 1).trajectories, Trajectories::None);
        let asked = Asked { trajectories: Some(Trajectories::Thin), points: true };
        assert_eq!(Output::of(asked, 1_000_000).trajectories, Trajectories::Thin);
    }
}
