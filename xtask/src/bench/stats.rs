//! Samples of one thing, a sample a round.

/// Samples in the order of their rounds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Samples(pub(super) Vec<f64>);

impl Samples {
    pub(super) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle one; `NaN` without any.
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    pub(super) fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    pub(super) fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// How many times `other` it is, round by round: neighbours in time met the same weather.
    pub(super) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }

    /// The median, and from where to where: `1.02 (0.98-1.05)`.
    pub(super) fn shown(&self) -> String {
        if self.0.is_empty() {
            return "-".to_owned();
        }
        let [median, least, most] = [self.median(), self.least(), self.most()].map(number);
        if self.0.len() == 1 { median } else { format!("{median} ({least}-{most})") }
    }
}

/// With three digits that count.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Samples {
        Samples(values.to_vec())
    }

    #[test]
    fn medians_and_spread() {
        assert!((samples(&[3.0, 1.0, 2.0]).median() - 2.0).abs() < 1e-9);
        assert!((samples(&[4.0, 1.0, 2.0, 3.0]).median() - 2.5).abs() < 1e-9);
        assert_eq!(samples(&[3.0, 1.0, 2.0]).shown(), "2.00 (1.00-3.00)");
        assert_eq!(samples(&[]).shown(), "-");
        assert_eq!(samples(&[0.5]).shown(), "0.500");
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let ratio = samples(&[2.0, 30.0]).over(&samples(&[1.0, 10.0]));
        assert_eq!(ratio, samples(&[2.0, 3.0]));
    }

    #[test]
    fn digits() {
        let shown = [1234.5, 12.345, 1.2345, 0.12345].map(number);
        assert_eq!(shown, ["1234", "12.3", "1.23", "0.123"]);
    }
}
