//! The file of the census.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use aerostat_core::{Addresses, Error, ErrorKind, InstanceId, InstanceState, Result, nearest};
use serde::de::{DeserializeSeed, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The longest file that is read: 64 MiB, about a million instances.
const MAX_LEN: u64 = 64 << 20;

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    /// Whether it names every instance.
    #[serde(default = "yes")]
    pub(crate) complete: bool,
    /// The instances, by id. The key must be there: a file that was cut short is no empty cloud.
    #[serde(deserialize_with = "by_id")]
    pub(crate) instances: BTreeMap<InstanceId, Listed>,
}

fn yes() -> bool {
    true
}

/// What the file says of one instance.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// Its state.
    pub(crate) state: State,
    ip: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
}

impl Listed {
    /// Its addresses.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { v4: self.ip, v6: self.ipv6 }
    }
}

/// One of the words that a state may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State(&'static str);

impl State {
    const WORDS: [&str; 6] = ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"];
}

impl Default for State {
    fn default() -> Self {
        Self("running")
    }
}

impl From<State> for InstanceState {
    fn from(state: State) -> Self {
        InstanceState::new(state.0)
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = Self::WORDS.into_iter().find(|known| known.eq_ignore_ascii_case(&word));
        known.map(Self).ok_or_else(|| match nearest(&word, Self::WORDS) {
            Some(near) => D::Error::custom(format!("unknown state {word:?}; did you mean {near:?}?")),
            None => D::Error::custom(format!("unknown state {word:?}; known: {}", Self::WORDS.join(", "))),
        })
    }
}

/// One line of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: InstanceId,
    #[serde(default)]
    state: State,
    ip: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
}

/// Reads the list into a map and refuses an id that is there twice, at its place.
fn by_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<InstanceId, Listed>, D::Error> {
    struct Lines;

    impl<'de> Visitor<'de> for Lines {
        type Value = BTreeMap<InstanceId, Listed>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of instances")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<Self::Value, A::Error> {
            let mut instances = BTreeMap::new();
            while lines.next_element_seed(Next(&mut instances))?.is_some() {}
            Ok(instances)
        }
    }

    /// Reads one line into the map.
    struct Next<'a>(&'a mut BTreeMap<InstanceId, Listed>);

    impl<'de> DeserializeSeed<'de> for Next<'_> {
        type Value = ();

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            let Line { id, state, ip, ipv6 } = Line::deserialize(deserializer)?;
            match self.0.entry(id) {
                Entry::Vacant(free) => {
                    free.insert(Listed { state, ip, ipv6 });
                    Ok(())
                }
                Entry::Occupied(taken) => {
                    Err(D::Error::custom(format!("instance {} is there twice", taken.key())))
                }
            }
        }
    }

    deserializer.deserialize_seq(Lines)
}

/// Reads the file.
///
/// # Errors
/// [`ErrorKind::Config`]: it can't be read, is no text, too long, or says something wrong. All name the file, and
/// the line if one is to blame.
pub(crate) fn read(path: &Path) -> Result<Listing> {
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    content(path)
        .and_then(|content| if json { parse_json(&content) } else { parse_yaml(&content) })
        .map_err(|error| error.during("read the census").with("path", path.display()))
}

fn content(path: &Path) -> Result<String> {
    content_up_to(path, MAX_LEN)
}

fn content_up_to(path: &Path, max: u64) -> Result<String> {
    let unreadable = |error: &std::io::Error| {
        Error::new(ErrorKind::Config, error.to_string())
            .hint("the file is named by `path` in section `static` of the configuration")
    };
    // Asked before it is opened: opening a pipe would wait for its other end.
    if !path.metadata().map_err(|error| unreadable(&error))?.is_file() {
        return Err(Error::new(ErrorKind::Config, "is no file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > max {
        return Err(Error::new(ErrorKind::Config, format!("is longer than {max} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Error::new(ErrorKind::Config, format!("is no text: byte {at} is not UTF-8"))
    })?;
    match text.find('\0') {
        Some(at) => Err(Error::new(ErrorKind::Config, format!("is no text: byte {at} is zero"))),
        None if text.trim().is_empty() => {
            Err(Error::new(ErrorKind::Config, "is empty")
                .hint("a cloud without instances is `instances: []`"))
        }
        None => Ok(text),
    }
}

/// What is wrong with the content.
fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
        .hint("the file reads `complete: true` and `instances: [{id: i-1, state: running}, …]`")
}

fn parse_json(text: &str) -> Result<Listing> {
    if !text.trim_start().starts_with('{') {
        return Err(wrong("is no JSON object".to_owned()));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let listing = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        let placed = error.is_data() && path != ".";
        wrong(if placed { format!("{path}: {error}") } else { error.to_string() })
    })?;
    deserializer.end().map_err(|error| wrong(error.to_string()))?;
    Ok(listing)
}

fn parse_yaml(text: &str) -> Result<Listing> {
    // The length of the file is the limit, so the parser's own, made for small configurations, step back.
    // Those on nesting and aliases stay.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, content: impl AsRef<[u8]>) -> Result<Listing> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        read(&path)
    }

    fn assert_refused(name: &str, content: impl AsRef<[u8]>, expected: &str) {
        let error = written(name, content.as_ref()).unwrap_err();
        let shown = String::from_utf8_lossy(content.as_ref()).into_owned();
        assert_eq!(error.kind(), ErrorKind::Config, "{shown}");
        assert!(error.message().contains(expected), "{shown}: {error}");
        assert!(error.to_string().contains(&format!("/{name})")), "{shown}: {error}");
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let yaml = "complete: false\n# a remark\ninstances:\n- id: i-1\n  state: TERMINATED\n  ip: 10.0.0.1\n- id: 17\n";
        let json = r#"{"complete": false,
            "instances": [{"id": "i-1", "state": "terminated", "ip": "10.0.0.1"}, {"id": "17"}]}"#;
        for (name, content) in [("a.yaml", yaml), ("a.json", json), ("a.JSON", json), ("a.yaml", json)] {
            let listing = written(name, content).unwrap();
            assert!(!listing.complete);
            let shown: Vec<_> = listing
                .instances
                .iter()
                .map(|(id, listed)| (id.as_str(), listed.state.0, listed.addresses().v4))
                .collect();
            let v4 = Some(Ipv4Addr::new(10, 0, 0, 1));
            assert_eq!(shown, [("17", "running", None), ("i-1", "terminated", v4)], "{name}");
        }
    }

    #[test]
    fn what_is_wrong_in_yaml_is_named_with_its_line() {
        for (content, expected) in [
            ("instances:\n- id: i-1\n  stat: x\n", "unknown field `stat`"),
            ("instances:\n- id: i-1\n  stat: x\n", "line 3"),
            ("instance: []", "unknown field `instance`"),
            (
                "instances:\n- id: i-1\n- id: i-2\n- id: i-1\n- id: i-3\n",
                "instance i-1 is there twice at line 4",
            ),
            ("instances: []\ninstances: []", "duplicate mapping key: instances"),
            (
                "instances:\n- id: i-1\n  state: runing\n",
                "unknown state \"runing\"; did you mean \"running\"? at line 3",
            ),
            ("instances:\n- id: i-1\n  state: ready\n", "known: pending, running"),
            ("instances:\n- id: i-1\n  ip: 300.1.1.1\n", "invalid IPv4 address syntax at line 3"),
            ("instances:\n- state: running\n", "missing field `id` at line 2"),
            ("instances:\n- id: 'a b'\n", "contains a blank or a control character at line 2"),
            ("complete: maybe\ninstances: []", "invalid boolean at line 1"),
            ("instances: 5", "line 1, column 12"),
            ("complete: true", "missing field `instances`"),
            ("instances:", "line 1"),
            ("- i-1", "line 1"),
            ("instances: [\n{id: i-1", "line 2"),
            ("instances: []\n---\ninstances: []", "line 3"),
        ] {
            assert_refused("census.yaml", content, expected);
        }
    }

    #[test]
    fn what_is_wrong_in_json_is_named_with_its_place() {
        for (content, expected) in [
            (r#"{"instances": [{"id": "i-1", "stat": "x"}]}"#, "instances[0].stat: unknown field `stat`"),
            (
                r#"{"instances": [{"id": "i-1"}, {"id": "i-1"}]}"#,
                "instances[1]: instance i-1 is there twice at line 1",
            ),
            (r#"{"instances": [{"id": 5}]}"#, "instances[0].id: invalid type: integer `5`"),
            (r#"{"instances": [{"id": "i", "state": "runing"}]}"#, "instances[0].state: unknown state"),
            (r#"{"complete": 1, "instances": []}"#, "complete: invalid type"),
            ("{\n}", "missing field `instances` at line 2"),
            ("{\"instances\": [\n", "EOF while parsing a list at line 2"),
            (r#"{"instances": []} x"#, "trailing characters"),
            ("[]", "is no JSON object"),
            ("instances: []", "is no JSON object"),
        ] {
            assert_refused("census.json", content, expected);
        }
    }

    #[test]
    fn an_empty_file_is_no_empty_cloud() {
        for content in ["", " \n\t\n"] {
            assert_refused("census.yaml", content, "is empty");
            assert_refused("census.json", content, "is empty");
        }
        assert_refused("census.yaml", "# instances: []\n", "unexpected end of input");
    }

    #[test]
    fn a_file_that_is_no_text_is_refused() {
        assert_refused("census.yaml", b"instances: []\xff", "byte 13 is not UTF-8");
        assert_refused("census.json", b"{\"instances\": []}\0", "byte 17 is zero");
    }

    #[test]
    fn a_missing_file_a_folder_and_a_device_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let error = read(&dir.path().join("none.yaml")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("No such file"), "{error}");
        assert!(error.advice().unwrap().contains("`path`"), "{error}");
        assert!(read(dir.path()).unwrap_err().message().contains("is no file"));
        assert!(read(Path::new("/dev/null")).unwrap_err().message().contains("is no file"));
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_and_the_longest_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("census.yaml");
        std::fs::write(&path, "instances: []").unwrap();
        assert_eq!(content_up_to(&path, 13).unwrap(), "instances: []");
        let error = content_up_to(&path, 12).unwrap_err();
        assert!(error.message().contains("longer than 12 bytes"), "{error}");
        // Sparse: nothing of it is on the disk.
        File::options().write(true).open(&path).unwrap().set_len(MAX_LEN + 1).unwrap();
        assert!(read(&path).unwrap_err().message().contains("longer than 67108864 bytes"));
    }

    #[test]
    fn a_big_fleet_passes_the_limits_of_the_parser() {
        use std::fmt::Write as _;
        let mut content = "instances:\n".to_owned();
        for n in 0..90_000 {
            writeln!(content, "- id: i-{n:017x}").unwrap();
        }
        assert_eq!(written("census.yaml", &content).unwrap().instances.len(), 90_000);
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let deep = format!("instances: {}", "[".repeat(100_000));
        assert!(written("census.yaml", &deep).is_err());
        assert!(written("census.json", format!("{{\"instances\": {}", "[".repeat(100_000))).is_err());
    }
}
