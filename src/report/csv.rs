//! The table beside each figure: what was drawn, to every digit.

/// A CSV file being written.
#[derive(Debug)]
pub(super) struct Csv {
    out: String,
}

impl Csv {
    /// A table with these columns.
    pub(super) fn new(columns: &[&str]) -> Self {
        Self { out: columns.join(",") + "\n" }
    }

    /// A row of cells; those with commas, quotes or line breaks are quoted.
    pub(super) fn row(&mut self, cells: &[String]) {
        let quote = |cell: &String| {
            if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
        };
        self.out += &cells.iter().map(quote).collect::<Vec<_>>().join(",");
        self.out.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// A number to its last digit; empty where there is none.
pub(super) fn cell(number: Option<f64>) -> String {
    number.filter(|x| x.is_finite()).map_or(String::new(), |x| {
        if x.abs() >= 1e6 || x.abs() < 1e-3 && x.abs() > 0.0 { format!("{x:e}") } else { format!("{x}") }
    })
}
