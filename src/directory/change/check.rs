//! Checks of single values.

use super::ChangeError;
use crate::config::DirectoryConfig;
use policy::Micros;

/// No history is longer than this: a hundred years.
const HISTORY_MAX: Micros = 100 * 366 * 86_400 * 1_000_000;

/// A name for people: not empty, one line, not too long. Given back without spaces around it.
pub(super) fn name(field: &'static str, text: &str, limits: &DirectoryConfig) -> Result<String, ChangeError> {
    let text = optional_name(field, text, limits)?;
    if text.is_empty() { Err(ChangeError::invalid(field, "it is empty")) } else { Ok(text) }
}

/// The same, and it may be empty.
pub(super) fn optional_name(field: &'static str, text: &str, limits: &DirectoryConfig) -> Result<String, ChangeError> {
    line(field, text, limits.name_chars_max)
}

/// One line of text.
pub(super) fn line(field: &'static str, text: &str, chars_max: usize) -> Result<String, ChangeError> {
    let text = text.trim();
    if text.chars().count() > chars_max {
        return Err(ChangeError::invalid(field, format!("at most {chars_max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(ChangeError::invalid(field, "it has control characters"));
    }
    Ok(text.to_owned())
}

/// An address: lower case, one `@`, something on both sides.
pub(super) fn email(text: &str) -> Result<String, ChangeError> {
    let text = text.trim().to_lowercase();
    let sound = text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
        && matches!(text.split_once('@'), Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains('@'));
    if sound { Ok(text) } else { Err(ChangeError::invalid("email", "it is not an e-mail address")) }
}

/// What a device calls itself.
pub(super) fn identifier(text: &str, limits: &DirectoryConfig) -> Result<String, ChangeError> {
    let text = text.trim();
    let sound = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if !sound || text.chars().count() > limits.identifier_chars_max {
        let message = format!("1 to {} characters without spaces are needed", limits.identifier_chars_max);
        return Err(ChangeError::invalid("identifier", message));
    }
    Ok(text.to_owned())
}

/// A length of history.
pub(super) fn history(field: &'static str, length: Micros) -> Result<Micros, ChangeError> {
    if (1..=HISTORY_MAX).contains(&length) {
        Ok(length)
    } else {
        Err(ChangeError::invalid(field, "more than nothing and at most 100 years are needed"))
    }
}

/// A JSON object.
pub(super) fn settings(text: &str, limits: &DirectoryConfig) -> Result<String, ChangeError> {
    if text.len() > limits.settings_bytes_max {
        return Err(ChangeError::invalid("settings", format!("at most {} bytes", limits.settings_bytes_max)));
    }
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|e| ChangeError::invalid("settings", format!("a JSON object is needed: {e}")))?;
    Ok(serde_json::Value::Object(object).to_string())
}

/// The edit was made from the version that there is.
pub(super) fn version(asked: Option<u64>, current: u64) -> Result<(), ChangeError> {
    match asked {
        Some(asked) if asked != current => Err(ChangeError::StaleVersion { current }),
        _ => Ok(()),
    }
}

/// There is room for one more.
pub(super) fn room(limit: &'static str, count: usize, max: usize) -> Result<(), ChangeError> {
    if count < max { Ok(()) } else { Err(ChangeError::LimitReached { limit, max }) }
}
