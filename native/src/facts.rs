//! The facts in a compressed file that only a program knows: now, and here.

use std::time::{SystemTime, UNIX_EPOCH};

use ntfsclone_core::write::Facts;

use crate::device;

/// Adds the time and the name of this computer.
pub fn add_time_and_host(facts: &mut Facts) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    facts.time = Some(rfc3339(now.unwrap_or_default().as_secs()));
    facts.host = Some(device::host_name());
}

/// A time in UTC, from seconds since 1970.
pub fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // From March on, so that a leap day is the last of its year; 400 years, an era,
    // have 146,097 days (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_in_rfc_3339() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (68_255_999, "1972-02-29T23:59:59Z"),
            (68_256_000, "1972-03-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, expected) in table {
            assert_eq!(rfc3339(seconds), expected);
        }
    }
}
