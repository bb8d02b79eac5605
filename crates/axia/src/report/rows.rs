//! Rows of numbers.

use axia_values::stats::Estimate;

use super::ReportError;

const HEADER: [&str; 7] = ["respondent", "kind", "name", "measure", "value", "low", "high"];

/// Where a row belongs: respondent, kind and name.
pub(crate) type Place<'a> = (&'a str, &'a str, &'a str);

#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 7]>,
}

impl Table {
    pub fn write(self) -> Result<Vec<u8>, ReportError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER)?;
        for row in self.rows {
            writer.write_record(row)?;
        }
        writer.into_inner().map_err(|e| ReportError::Csv(e.into_error().into()))
    }

    fn row(&mut self, place: Place<'_>, measure: &str, cells: [String; 3]) {
        let (respondent, kind, name) = place;
        let [value, low, high] = cells;
        let text = [respondent, kind, name, measure].map(str::to_owned);
        let [respondent, kind, name, measure] = text;
        self.rows.push([respondent, kind, name, measure, value, low, high]);
    }

    pub fn number(&mut self, place: Place<'_>, measure: &str, value: f64) {
        self.row(place, measure, [cell(value), String::new(), String::new()]);
    }

    pub fn count(&mut self, place: Place<'_>, measure: &str, value: usize) {
        self.row(place, measure, [value.to_string(), String::new(), String::new()]);
    }

    pub fn estimate(&mut self, place: Place<'_>, measure: &str, estimate: &Estimate) {
        let cells = [estimate.value, estimate.low, estimate.high].map(cell);
        self.row(place, measure, cells);
    }
}

/// The shortest text that reads back as the same number; empty where there is none.
fn cell(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}
