//! The configuration of one provider, as its section of the file says it.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::suggest::nearest;

/// The configuration section of one provider. Only that provider knows its keys.
#[derive(Clone, Debug)]
pub struct Section {
    name: String,
    values: Map<String, Value>,
}

impl Section {
    /// A section without keys.
    #[must_use]
    pub fn empty(name: impl Into<String>) -> Self {
        Self { name: name.into(), values: Map::new() }
    }

    /// The section of that name with the value that the file has there.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the value has no keys: a text, a number, a list.
    pub fn new(name: impl Into<String>, value: Value) -> Result<Self> {
        let name = name.into();
        match value {
            Value::Object(values) => Ok(Self { name, values }),
            Value::Null => Ok(Self::empty(name)),
            other => Err(Error::new(
                ErrorKind::Config,
                format!("section {name:?} has keys of its own, but the file says {other}"),
            )),
        }
    }

    /// The section's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets a key, as an option of the command line does.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.values.insert(key.to_owned(), value.into());
    }

    /// Reads the section. `T` should deny unknown fields.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: names the key that is wrong, and for an unknown key the nearest known one.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        read_value(Value::Object(self.values.clone())).map_err(|error| error.with("section", &self.name))
    }
}

/// Reads a configuration value; an error names the key by its path.
///
/// # Errors
/// [`ErrorKind::Config`], as [`Section::read`].
pub fn read_value<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        match unknown_field(&message) {
            Some((unknown, known)) => unknown_key(unknown, &known),
            None => Error::new(ErrorKind::Config, format!("the value of {path:?} is wrong: {message}")),
        }
    })
}

/// The error for a key that nobody knows, with the nearest known one.
#[must_use]
pub fn unknown_key(key: &str, known: &[&str]) -> Error {
    let error = Error::new(ErrorKind::Config, format!("unknown key {key:?}"));
    match nearest(key, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint(format!("known keys: {}", known.join(", "))),
    }
}

/// Takes serde's message of an unknown field apart: ``unknown field `x`, expected `a` or `b` ``.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    if !message.starts_with("unknown field ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Config {
        path: Option<String>,
        retries: Option<u8>,
    }

    fn read(value: Value) -> Result<Config> {
        Section::new("hosts-file", value)?.read()
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest() {
        let error = read(json!({"pth": "/x"})).unwrap_err();
        assert_eq!(error.to_string(), "unknown key \"pth\" (section: hosts-file)");
        assert_eq!(error.advice(), Some("did you mean \"path\"?"));
        let error = read(json!({"zzz": 1})).unwrap_err();
        assert_eq!(error.advice(), Some("known keys: path, retries"));
    }

    #[test]
    fn a_wrong_value_is_named_by_its_key() {
        let error = read(json!({"retries": 300})).unwrap_err();
        assert!(error.message().contains("\"retries\""), "{error}");
        assert_eq!(error.kind(), ErrorKind::Config);
    }

    #[test]
    fn a_section_without_keys_is_empty_and_a_text_is_none() {
        assert!(read(Value::Null).unwrap().path.is_none());
        assert!(read(json!("text")).is_err());
    }
}
