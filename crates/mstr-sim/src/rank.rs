//! Ranks: conditions on the place of a value among all values of its metric.

use std::sync::Arc;

use crate::dataset::Dataset;
use crate::filter::Invalid;

/// A test of the rank of a value among all values of its metric; the greatest is the first
/// (documented).
#[derive(Clone, Debug)]
pub(crate) struct Rank {
    operator: String,
    /// Counted in values, also for percentages.
    numbers: Vec<f64>,
    is_percent: bool,
    /// All values, the greatest first.
    values: Arc<[f64]>,
}

const RANKS: [&str; 8] = [
    "Equals",
    "DifferentFrom",
    "Between",
    "NotBetween",
    "Top",
    "Bottom",
    "ExcludeTop",
    "ExcludeBottom",
];

impl Rank {
    pub(crate) fn read(operator: &str, constants: &[String]) -> Result<Self, Invalid> {
        let (is_percent, operator) = match operator.split_once('.') {
            Some(("Rank", operator)) => (false, operator),
            Some(("Percent", operator)) => (true, operator),
            _ => return Err(format!("The operator {operator} is not valid")),
        };
        if !RANKS.contains(&operator) {
            return Err(format!("The operator {operator} is not valid"));
        }
        let number = |constant: &String| {
            let (digits, hundredth) = match constant.strip_suffix('%') {
                Some(digits) if is_percent => (digits, 0.01),
                _ => (constant.as_str(), 1.0),
            };
            digits.parse::<f64>().ok().map(|number| number * hundredth)
        };
        let numbers: Option<_> = constants.iter().map(number).collect();
        let numbers = numbers.ok_or("The constant of a rank is no number")?;
        let operator = operator.to_owned();
        Ok(Self { operator, numbers, is_percent, values: Arc::new([]) })
    }

    /// Takes the values of its metric among which it ranks.
    pub(crate) fn among(&mut self, data: &Dataset, metric: usize) {
        let rows = 0..data.flat_rows();
        let mut values: Vec<_> =
            rows.filter_map(|row| data.cell(metric, row, 0).number()).collect();
        values.sort_by(|one, two| two.total_cmp(one));
        self.values = values.into();
    }

    /// Whether it may limit a metric: of ranks only two may (documented).
    pub(crate) fn is_limit(&self) -> bool {
        ["Top", "Bottom"].contains(&self.operator.as_str())
    }

    #[allow(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^53")]
    pub(crate) fn holds(&self, value: f64) -> bool {
        let all = self.values.len();
        let scale = if self.is_percent { all.max(1) as f64 } else { 1.0 };
        let from_top = (self.values.partition_point(|one| *one > value) + 1) as f64 / scale;
        let smaller = all - self.values.partition_point(|one| *one >= value);
        let from_bottom = (smaller + 1) as f64 / scale;
        let number = |at: usize| self.numbers.get(at).copied().unwrap_or_default();
        // a percentage is not met to the last bit
        let equal = |one: f64, two: f64| (one - two).abs() < 1e-9;
        let within = |rank: f64| rank <= number(0) + 1e-9;
        let between = from_top >= number(0) - 1e-9 && from_top <= number(1) + 1e-9;
        match self.operator.as_str() {
            "Equals" => equal(from_top, number(0)),
            "DifferentFrom" => !equal(from_top, number(0)),
            "Between" => between,
            "NotBetween" => !between,
            "Top" => within(from_top),
            "Bottom" => within(from_bottom),
            "ExcludeTop" => !within(from_top),
            "ExcludeBottom" => !within(from_bottom),
            _ => false,
        }
    }
}
