//! What a viewer says on his stream.

use crate::model::PublicId;
use crate::router::{Kind, Kinds, Subscription};
use serde::Deserialize;

/// The first message of a stream.
#[derive(Debug, PartialEq)]
pub(super) struct Subscribe {
    /// `None`: all.
    pub devices: Option<Vec<PublicId>>,
    pub kinds: Kinds,
    pub resume: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    devices: Option<Devices>,
    #[serde(default)]
    kinds: Option<Vec<String>>,
    #[serde(default)]
    resume: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Devices {
    Word(String),
    Ids(Vec<PublicId>),
}

/// Reads it; an error says what is wrong, in words for the viewer.
pub(super) fn subscribe(text: &str) -> Result<Subscribe, String> {
    let raw: Raw = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if raw.kind != "subscribe" {
        return Err(format!("type: \"subscribe\" is expected, not {:?}", raw.kind));
    }
    let devices = match raw.devices {
        None => None,
        Some(Devices::Word(word)) if word == "all" => None,
        Some(Devices::Word(word)) => return Err(format!("devices: \"all\" or a list of ids is expected, not {word:?}")),
        Some(Devices::Ids(ids)) if ids.len() > Subscription::DEVICES_MAX => {
            return Err(format!("devices: at most {} are taken; ask for \"all\"", Subscription::DEVICES_MAX));
        }
        Some(Devices::Ids(ids)) => Some(ids),
    };
    let kinds = match raw.kinds {
        None => Kinds::ALL,
        Some(names) => names.iter().try_fold(Kinds::NONE, |kinds, name| {
            let kind = Kind::from_text(name).ok_or_else(|| format!("kinds: {name:?} is none of position, visit, alert, device_state"))?;
            Ok::<_, String>(kinds.with(kind))
        })?,
    };
    Ok(Subscribe { devices, kinds, resume: raw.resume })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_read_and_a_bad_one_is_told_why() {
        let read = subscribe(r#"{"type":"subscribe","devices":"all","kinds":["visit"]}"#).expect("sound");
        assert_eq!(read, Subscribe { devices: None, kinds: Kinds::NONE.with(Kind::Visit), resume: None });
        for (text, names) in [
            (r#"{"type":"subscribe","device":"all"}"#, "device"),
            (r#"{"type":"subscribe","kinds":["trip"]}"#, "trip"),
            (r#"{"type":"hello"}"#, "hello"),
            (r#"{"type":"subscribe","devices":"some"}"#, "some"),
            ("[", "line 1"),
        ] {
            let error = subscribe(text).expect_err("refused");
            assert!(error.contains(names), "{text}: {error}");
        }
    }
}
