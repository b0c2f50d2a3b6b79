//! How carefully the reconciler decides.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// The section `reconcile` of the configuration:
/// `{grace: 5m, absences: 2, brake_fraction: 0.1, brake_minimum: 3}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long an instance must have been registered before its absence counts against it.
    #[serde(deserialize_with = "duration")]
    pub grace: Duration,
    /// In how many complete censuses in a row an instance must be absent.
    pub absences: NonZeroU32,
    /// The part of the nodes, 0 to 1, that may lose their names by absence in one pass.
    #[serde(deserialize_with = "fraction")]
    pub brake_fraction: f64,
    /// So many nodes may lose their names by absence in one pass, however few nodes there are.
    pub brake_minimum: usize,
}

impl Settings {
    /// The most nodes of a fleet that may lose their names by absence in one pass.
    #[must_use]
    pub fn brake_limit(&self, nodes: usize) -> usize {
        /// What binary fractions fall short of: 0.29 of 100 is 28.999999999999996.
        const SLACK: f64 = 1e-6;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the fraction is in 0 to 1, and no fleet has 2^52 nodes"
        )]
        let part = (self.brake_fraction * nodes as f64 + SLACK) as usize;
        part.max(self.brake_minimum)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(5 * 60),
            absences: NonZeroU32::MIN.saturating_add(1),
            brake_fraction: 0.1,
            brake_minimum: 3,
        }
    }
}

/// Reads `5m`, `90s`, `1h 30m`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration with its unit, such as \"5m\" or \"90s\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    deserializer.deserialize_str(Text)
}

fn fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let fraction = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&fraction) {
        return Ok(fraction);
    }
    Err(D::Error::invalid_value(Unexpected::Float(fraction), &"a fraction from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerostat_core::read_value;
    use serde_json::json;

    #[test]
    fn all_keys_are_read_and_those_left_out_have_their_defaults() {
        let settings: Settings =
            read_value(json!({"grace": "1h 30m", "absences": 3, "brake_fraction": 0.25, "brake_minimum": 0}))
                .unwrap();
        let expected = Settings {
            grace: Duration::from_secs(90 * 60),
            absences: NonZeroU32::new(3).unwrap(),
            brake_fraction: 0.25,
            brake_minimum: 0,
        };
        assert_eq!(settings, expected);
        let settings: Settings = read_value(json!({"brake_fraction": 1, "grace": "0s"})).unwrap();
        assert_eq!((settings.brake_fraction, settings.grace), (1.0, Duration::ZERO));
        assert_eq!(read_value::<Settings>(json!({})).unwrap(), Settings::default());
        assert_eq!((Settings::default().grace.as_secs(), Settings::default().absences.get()), (300, 2));
    }

    #[test]
    fn a_value_that_is_no_setting_is_named_with_its_key() {
        for (value, key, said) in [
            (json!({"grace": 300}), "grace", "a duration with its unit"),
            (json!({"grace": "five"}), "grace", "\"five\""),
            (json!({"absences": 0}), "absences", "nonzero"),
            (json!({"brake_fraction": 10}), "brake_fraction", "a fraction from 0 to 1"),
            (json!({"brake_fraction": -0.1}), "brake_fraction", "a fraction from 0 to 1"),
            (json!({"brake_minimum": -1}), "brake_minimum", "-1"),
        ] {
            let error = read_value::<Settings>(value).unwrap_err();
            assert!(error.message().contains(&format!("{key:?}")), "{error}");
            assert!(error.message().contains(said), "{error}");
        }
        let error = read_value::<Settings>(json!({"gracee": "5m"})).unwrap_err();
        assert_eq!(error.advice(), Some("did you mean \"grace\"?"));
    }

    #[test]
    fn the_brake_counts_as_people_do() {
        let limit = |fraction, minimum, nodes| {
            Settings { brake_fraction: fraction, brake_minimum: minimum, ..Settings::default() }
                .brake_limit(nodes)
        };
        for (fraction, minimum, nodes, expected) in [
            (0.1, 3, 0, 3),
            (0.1, 3, 39, 3),
            (0.1, 3, 40, 4),
            (0.1, 3, 49, 4),
            (0.1, 3, 100_000, 10_000),
            (0.29, 0, 100, 29),
            (0.7, 0, 10, 7),
            (0.0, 0, 1000, 0),
            (1.0, 3, 7, 7),
        ] {
            assert_eq!(limit(fraction, minimum, nodes), expected, "{fraction} of {nodes}");
        }
    }
}
