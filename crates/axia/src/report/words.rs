//! Numbers and names as people read them.

use axia_values::stats::Estimate;

/// The minus sign; a hyphen is too short for numbers.
const MINUS: char = '−';
/// Stands where there is no number.
pub(crate) const NOTHING: &str = "–";
/// Stands where an estimate has no interval.
const NO_INTERVAL: &str = "(no\u{a0}interval)";
/// Decimals of probability gains.
pub(crate) const GAIN_DECIMALS: usize = 3;

/// A number with so many decimals: `3.14`, `−0.50`. Zero never carries a sign.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    if value < 0.0 && !is_zero { format!("{MINUS}{text}") } else { text }
}

/// A difference: `+0.25`, `−0.25`, `0.00`.
pub(crate) fn signed(value: f64) -> String {
    signed_to(value, 2)
}

/// A difference with so many decimals.
pub(crate) fn signed_to(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let is_plain = text.starts_with(|c: char| c.is_ascii_digit());
    if is_plain && text.contains(|c: char| matches!(c, '1'..='9')) {
        format!("+{text}")
    } else {
        text
    }
}

/// The ends of an interval, kept on one line: `[0.41, 0.80]`.
pub(crate) fn interval(estimate: &Estimate) -> String {
    interval_to(estimate, 2)
}

/// The ends of an interval with so many decimals. One that has no width is none: there was a single
/// item, post or passage, or all of them were alike.
pub(crate) fn interval_to(estimate: &Estimate, decimals: usize) -> String {
    if estimate.has_no_width() {
        return NO_INTERVAL.to_owned();
    }
    format!("[{},\u{a0}{}]", fixed(estimate.low, decimals), fixed(estimate.high, decimals))
}

/// An estimate and its interval: `0.62 [0.41, 0.80]`.
pub(crate) fn with_interval(estimate: &Estimate) -> String {
    format!("{} {}", fixed(estimate.value, 2), interval(estimate))
}

/// A difference and its interval: `+0.62 [0.41, 0.80]`.
pub(crate) fn signed_with_interval(estimate: &Estimate) -> String {
    format!("{} {}", signed(estimate.value), interval(estimate))
}

/// A probability gain: `+0.062`. It is small where a rating's shift is large.
pub(crate) fn gain(value: f64) -> String {
    signed_to(value, GAIN_DECIMALS)
}

/// A probability gain and its interval: `+0.062 [0.041, 0.080]`.
pub(crate) fn gain_with_interval(estimate: &Estimate) -> String {
    format!("{} {}", gain(estimate.value), interval_to(estimate, GAIN_DECIMALS))
}

/// A p-value: `0.042`, `< 0.001`.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.0005 { "<\u{a0}0.001".to_owned() } else { fixed(p, 3) }
}

/// A share in whole percent: `41 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{}\u{a0}%", fixed(share * 100.0, 0))
}

/// A change as a share of something, in percent: `+1.6 %`.
pub(crate) fn change(share: f64) -> String {
    format!("{}\u{a0}%", signed_to(share * 100.0, 1))
}

/// The ends of the interval of such a change.
pub(crate) fn change_interval(share: &Estimate) -> String {
    if share.has_no_width() {
        return NO_INTERVAL.to_owned();
    }
    format!("[{},\u{a0}{}]", change(share.low), change(share.high))
}

/// A change and its interval: `+1.6 % [+0.4 %, +2.9 %]`.
pub(crate) fn change_with_interval(share: &Estimate) -> String {
    format!("{} {}", change(share.value), change_interval(share))
}

/// `1 post`, `1,200 posts`.
pub(crate) fn posts(count: usize) -> String {
    counted(count, "post")
}

/// `1 game`, `1,200 games`.
pub(crate) fn games(count: usize) -> String {
    counted(count, "game")
}

/// `1 passage`, `1,200 passages`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{}\u{a0}{noun}{plural}", grouped(count as u64))
}

/// A whole number in groups of three: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count in words: `134.5 million`; small ones as they are.
pub(crate) fn count(number: u64) -> String {
    let scaled = |unit: f64, name: &str| format!("{:.1} {name}", number as f64 / unit);
    match number {
        1_000_000_000.. => scaled(1e9, "billion"),
        1_000_000.. => scaled(1e6, "million"),
        _ => grouped(number),
    }
}

/// A size: `84.7 MB`, in powers of ten.
pub(crate) fn bytes(number: u64) -> String {
    let scaled = |unit: f64, name: &str| format!("{:.1} {name}", number as f64 / unit);
    match number {
        1_000_000_000.. => scaled(1e9, "GB"),
        1_000_000.. => scaled(1e6, "MB"),
        1_000.. => scaled(1e3, "kB"),
        _ => format!("{number} bytes"),
    }
}

/// A time span: `0.8 s`, `42 s`, `3 min 12 s`, `2 h 05 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return NOTHING.to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A point in time for people: `2026-07-30 12:34 UTC`; as it is where it is not RFC 3339 in UTC.
pub(crate) fn moment(rfc3339: &str) -> String {
    let minutes = rfc3339.get(..16).filter(|text| text.as_bytes().get(10) == Some(&b'T'));
    match minutes {
        Some(minutes) if rfc3339.ends_with('Z') => format!("{} UTC", minutes.replace('T', " ")),
        _ => rfc3339.to_owned(),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_hand() {
        assert_eq!(fixed(-0.625, 1), "−0.6");
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(fixed(f64::NAN, 2), "–");
        assert_eq!(
            [0.25, -0.25, 0.001, -0.001, f64::NAN].map(signed),
            ["+0.25", "−0.25", "0.00", "0.00", "–"]
        );
        let estimate = Estimate { value: 0.62, low: -0.41, high: 0.8 };
        assert_eq!(with_interval(&estimate), "0.62 [−0.41,\u{a0}0.80]");
        assert_eq!(gain_with_interval(&estimate), "+0.620 [−0.410,\u{a0}0.800]");
        let single = Estimate { value: 0.62, low: 0.62, high: 0.62 };
        assert_eq!(with_interval(&single), "0.62 (no\u{a0}interval)");
        let still = Estimate { value: 0.0, low: 0.0, high: 0.0 };
        assert_eq!(with_interval(&still), "0.00 [0.00,\u{a0}0.00]");
        assert_eq!([0.0004, 0.0421, 1.0].map(p_value), ["<\u{a0}0.001", "0.042", "1.000"]);
        assert_eq!(percent(0.414), "41\u{a0}%");
        assert_eq!([0.25, -0.2, 0.0].map(change), ["+25.0\u{a0}%", "−20.0\u{a0}%", "0.0\u{a0}%"]);
        let rise = Estimate { value: 0.016, low: -0.004, high: 0.029 };
        assert_eq!(change_with_interval(&rise), "+1.6\u{a0}% [−0.4\u{a0}%,\u{a0}+2.9\u{a0}%]");
        assert_eq!([1, 1_200].map(posts), ["1\u{a0}post", "1,200\u{a0}posts"]);
        assert_eq!([1, 0].map(games), ["1\u{a0}game", "0\u{a0}games"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [9_999, 134_515_008, 8_190_000_000].map(count),
            ["9,999", "134.5 million", "8.2 billion"]
        );
        assert_eq!([12, 84_700_000].map(bytes), ["12 bytes", "84.7 MB"]);
    }

    #[test]
    fn times_by_hand() {
        assert_eq!(
            [0.84, 9.96, 59.6, 192.0, 7_500.0, -1.0].map(duration),
            ["0.8 s", "10 s", "1 min 00 s", "3 min 12 s", "2 h 05 min", "–"]
        );
        assert_eq!(moment("2026-07-30T12:34:56Z"), "2026-07-30 12:34 UTC");
        assert_eq!(moment("2026-07-30T12:34:56+02:00"), "2026-07-30T12:34:56+02:00");
        assert_eq!(moment("yesterday"), "yesterday");
    }

    #[test]
    fn texts_by_hand() {
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(list(&["a".into()]), "a");
    }
}
