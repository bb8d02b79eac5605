//! From data to coordinates.

/// A linear map of a domain onto a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// A domain without extent is mapped onto the range's start.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        Self { domain, range }
    }

    /// The coordinate of a value.
    pub fn at(&self, value: f64) -> f64 {
        let extent = self.domain.1 - self.domain.0;
        let share = if extent == 0.0 { 0.0 } else { (value - self.domain.0) / extent };
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// The coordinate of a value, or of the nearest end of the domain.
    pub fn clamped(&self, value: f64) -> f64 {
        self.at(value.max(self.domain.0).min(self.domain.1))
    }

    /// Round values within the domain, about `count` of them.
    pub fn ticks(&self, count: usize) -> Vec<f64> {
        let step = round_step(self.domain, count);
        let first = (self.domain.0 / step - 1e-9).ceil() as i64;
        let last = (self.domain.1 / step + 1e-9).floor() as i64;
        (first..=last).map(|index| index as f64 * step).collect()
    }

    /// Decimals that tell neighbouring ticks apart.
    pub fn decimals(&self, count: usize) -> usize {
        let step = round_step(self.domain, count);
        (0..4).find(|&places| is_whole(step * 10f64.powi(places))).unwrap_or(4) as usize
    }
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-9
}

/// The smallest of 1, 2 and 5 times a power of ten that gives at most about `count` ticks.
fn round_step(domain: (f64, f64), count: usize) -> f64 {
    let extent = domain.1 - domain.0;
    if !extent.is_finite() || extent <= 0.0 {
        return 1.0;
    }
    let raw = extent / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    factors
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= raw * 0.999)
        .unwrap_or(raw)
}

/// The smallest domain of round ends that holds all finite values, and `at_least`.
pub(crate) fn nice_domain(
    values: impl IntoIterator<Item = f64>,
    at_least: (f64, f64),
    ticks: usize,
) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold(at_least, |(low, high), value| (low.min(value), high.max(value)));
    let step = round_step((low, high), ticks);
    ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_by_hand() {
        let scale = Scale::new((1.0, 6.0), (0.0, 100.0));
        assert_eq!((scale.at(3.5), scale.clamped(9.0)), (50.0, 100.0));
        assert_eq!(Scale::new((2.0, 2.0), (5.0, 9.0)).at(2.0), 5.0);
        assert_eq!(scale.ticks(5), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(scale.decimals(5), 0);
        let shifts = Scale::new((-0.5, 0.5), (0.0, 1.0));
        assert_eq!(shifts.ticks(5), [-0.4, -0.2, 0.0, 0.2, 0.4]);
        assert_eq!(shifts.decimals(5), 1);
    }

    #[test]
    fn domains_hold_their_values() {
        let (low, high) = nice_domain([-0.73, 0.21, f64::NAN], (-0.5, 0.4), 6);
        assert!((low + 0.8).abs() < 1e-12 && (high - 0.4).abs() < 1e-12, "{low} {high}");
        assert_eq!(nice_domain([], (0.0, 1.0), 5), (0.0, 1.0));
    }
}
