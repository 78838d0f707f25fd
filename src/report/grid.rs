//! Small multiples: panels of one size in rows and columns below a title and a legend.

use plotters::style::text_anchor::HPos;

use super::axes::{Panel, Scale};
use super::canvas::{self, Drawn, Sheet, Text};
use super::style::{FAINT, Key, Legend, NORMAL, title};

/// Room to the left of the first column: upright labels.
const LEFT: f64 = 76.0;
/// Room between columns.
const BETWEEN: f64 = 86.0;
/// Room to the right of the last column.
const RIGHT: f64 = 24.0;
/// Room below a row: its labels and the titles of the next.
const BELOW: f64 = 78.0;
/// The title's room.
const HEAD: f64 = 36.0;
/// Room between the legend and the first row's panels: their titles.
const TITLES: f64 = 32.0;
/// A row's heading.
const HEADING: f64 = 24.0;

/// How the panels of a figure stand.
#[derive(Debug)]
pub(super) struct Grid {
    rows: usize,
    columns: usize,
    /// Width and height of a panel.
    panel: (f64, f64),
    /// Room above every row beyond its titles: headings, legends of single panels.
    extra: f64,
    legend: Legend,
}

impl Grid {
    /// Panels of `panel` pixels; `entries` make the legend.
    pub(super) fn new((rows, columns): (usize, usize), panel: (f64, f64), entries: Vec<(Key, String)>) -> Self {
        let width = width(columns, panel.0);
        Self { rows, columns, panel, extra: 0.0, legend: Legend::new(entries, 16.0, width - 32.0) }
    }

    /// The same with room for a heading above every row.
    pub(super) fn headed(self) -> Self {
        Self { extra: HEADING, ..self }
    }

    /// The same with so much room above every row's titles.
    pub(super) fn with_room(self, extra: f64) -> Self {
        Self { extra, ..self }
    }

    fn top(&self) -> f64 {
        HEAD + self.legend.height() + TITLES
    }

    /// The upper left corner of a panel.
    pub(super) fn corner(&self, row: usize, column: usize) -> (f64, f64) {
        let left = LEFT + column as f64 * (self.panel.0 + BETWEEN);
        (left, self.top() + self.extra + row as f64 * (self.panel.1 + BELOW + self.extra))
    }

    /// A panel with its scales.
    pub(super) fn panel(&self, (row, column): (usize, usize), x: Scale, y: Scale) -> Panel {
        let (left, top) = self.corner(row, column);
        Panel { left, top, width: self.panel.0, height: self.panel.1, x, y }
    }

    /// What a row's panels have in common, above them.
    pub(super) fn heading(&self, sheet: &Sheet, row: usize, text: &str) -> Drawn {
        let (left, top) = self.corner(row, 0);
        sheet.formula(
            (left - 60.0, top - HEADING - 4.0),
            &lowered(text),
            Text { bold: true, ..Text::new(NORMAL, FAINT, HPos::Left) },
        )
    }

    /// The whole picture: title, legend, and what `draw` draws.
    pub(super) fn picture(&self, heading: &str, draw: impl FnOnce(&Sheet) -> Drawn) -> Result<String, String> {
        let height = self.corner(self.rows, 0).1 - self.extra - TITLES + 8.0;
        canvas::picture((width(self.columns, self.panel.0), height), heading, |sheet| {
            title(sheet, &lowered(heading))?;
            self.legend.draw(sheet, HEAD)?;
            draw(sheet)
        })
    }
}

/// λ_b and its kin with their letters lowered.
fn lowered(text: &str) -> String {
    ["W", "H", "b"].iter().fold(text.to_owned(), |text, letter| text.replace(&format!("λ_{letter}"), &format!("λ_{{{letter}}}")))
}

fn width(columns: usize, panel: f64) -> f64 {
    LEFT + columns as f64 * (panel + BETWEEN) - BETWEEN + RIGHT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::style::look;

    #[test]
    fn panels_do_not_overlap_and_stay_on_the_sheet() {
        let entries: Vec<(Key, String)> = (0..20).map(|i| (Key::Line(look(i)), format!("series number {i}"))).collect();
        for grid in [Grid::new((3, 4), (210.0, 150.0), entries.clone()).headed(), Grid::new((2, 1), (400.0, 300.0), entries)] {
            let x = Scale::Linear { low: 0.0, high: 1.0 };
            let svg = grid.picture("", |_| Ok(())).unwrap();
            let number = |name: &str| svg.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned();
            let (width, height): (f64, f64) = (number("width").parse().unwrap(), number("height").parse().unwrap());
            for row in 0..grid.rows {
                for column in 0..grid.columns {
                    let panel = grid.panel((row, column), x, x);
                    assert!(panel.left >= 54.0 && panel.left + panel.width < width && panel.top + panel.height + 38.0 <= height);
                    if row > 0 {
                        assert!(grid.panel((row - 1, column), x, x).top + panel.height + 60.0 < panel.top);
                    }
                    if column > 0 {
                        assert!(grid.panel((row, column - 1), x, x).left + panel.width + 60.0 < panel.left);
                    }
                }
            }
        }
    }
}
