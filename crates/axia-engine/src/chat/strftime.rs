//! The little of strftime that chat templates use, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A moment as a calendar and a clock show it.
struct Moment {
    year: i64,
    /// From 1.
    month: usize,
    /// From 1.
    day: u64,
    /// From Monday = 0.
    weekday: usize,
    hour: u64,
    minute: u64,
    second: u64,
}

/// `format` with its directives replaced, or the directive that is not known.
pub(super) fn strftime(format: &str, time: SystemTime) -> Result<String, String> {
    let moment = Moment::of(time);
    let mut out = String::with_capacity(format.len() + 8);
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        // `%-d` is `%d` without padding.
        let directive: String = match characters.next() {
            Some('-') => ['-'].into_iter().chain(characters.next()).collect(),
            other => other.into_iter().collect(),
        };
        match moment.directive(&directive) {
            Some(text) => out.push_str(&text),
            None => return Err(format!("%{directive}")),
        }
    }
    Ok(out)
}

impl Moment {
    fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let days = seconds / 86_400;
        let (year, month, day) = civil_date(days);
        Self {
            year,
            month,
            day,
            // The first of January 1970 was a Thursday.
            weekday: ((days + 3) % 7) as usize,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }

    fn directive(&self, directive: &str) -> Option<String> {
        let month = MONTHS.get(self.month - 1)?;
        let weekday = WEEKDAYS.get(self.weekday)?;
        let hour_of_12 = (self.hour + 11) % 12 + 1;
        Some(match directive {
            "Y" => self.year.to_string(),
            "y" => format!("{:02}", self.year % 100),
            "m" => format!("{:02}", self.month),
            "-m" => self.month.to_string(),
            "B" => (*month).to_owned(),
            "b" => month.get(..3)?.to_owned(),
            "d" => format!("{:02}", self.day),
            "-d" => self.day.to_string(),
            "A" => (*weekday).to_owned(),
            "a" => weekday.get(..3)?.to_owned(),
            "H" => format!("{:02}", self.hour),
            "I" => format!("{hour_of_12:02}"),
            "-I" => hour_of_12.to_string(),
            "M" => format!("{:02}", self.minute),
            "S" => format!("{:02}", self.second),
            "p" => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            "F" => format!("{}-{:02}-{:02}", self.year, self.month, self.day),
            "T" => format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second),
            "%" => "%".to_owned(),
            _ => return None,
        })
    }
}

/// Year, month and day of a day counted from the first of January 1970 (proleptic Gregorian).
fn civil_date(days: u64) -> (i64, usize, u64) {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    // 400 years are a whole number of days, so that the search below stays short for any input.
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let mut year = 1970 + 400 * (days / DAYS_OF_400_YEARS) as i64;
    let mut left = days % DAYS_OF_400_YEARS;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30];
    let mut month = 1;
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, format: &str) -> String {
        strftime(format, UNIX_EPOCH + Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn dates_and_times() {
        assert_eq!(at(0, "%A %d %B %Y %H:%M:%S"), "Thursday 01 January 1970 00:00:00");
        // 29 February 2024, 13:05:09 UTC.
        let leap_day = 1_709_211_909;
        assert_eq!(at(leap_day, "%d %b %Y"), "29 Feb 2024");
        assert_eq!(at(leap_day, "%a %-d.%-m.%y %I:%M %p"), "Thu 29.2.24 01:05 PM");
        assert_eq!(at(leap_day + 86_400, "%F %T %%"), "2024-03-01 13:05:09 %");
        // The last second of 1999 and the first of 2000.
        assert_eq!(at(946_684_799, "%F"), "1999-12-31");
        assert_eq!(at(946_684_800, "%F"), "2000-01-01");
    }

    #[test]
    fn unknown_directives_are_named() {
        assert_eq!(strftime("%Q", UNIX_EPOCH), Err("%Q".to_owned()));
        assert_eq!(strftime("100%", UNIX_EPOCH), Err("%".to_owned()));
    }
}
