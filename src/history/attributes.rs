//! Attributes as JSON text, and back: what is read back gives the same text again.

use protocols::{Alarm, Attributes, Key, Name, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(super) fn to_json(attributes: &Attributes) -> String {
    let mut out = String::new();
    attributes.write_json(&mut out);
    out
}

/// `None` if it is not an object of single values.
pub(super) fn from_json(text: &str) -> Option<Attributes> {
    serde_json::from_str::<Pairs>(text).ok().map(|pairs| pairs.0)
}

/// In the order of the text, which a map would not keep.
struct Pairs(Attributes);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of attributes")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut attributes = Attributes::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    push(&mut attributes, &key, value.get()).ok_or_else(|| serde::de::Error::custom("not a single value"))?;
                }
                Ok(Pairs(attributes))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

fn push(attributes: &mut Attributes, key: &str, value: &str) -> Option<()> {
    let key = key_of(key);
    match value.as_bytes().first()? {
        b't' => attributes.push(key, Value::Bool(true)),
        b'f' => attributes.push(key, Value::Bool(false)),
        b'"' => {
            let text: String = serde_json::from_str(value).ok()?;
            match Alarm::from_text(&text) {
                Some(alarm) if matches!(key, Key::Named(Name::Alarm, _)) => attributes.push(key, Value::Alarm(alarm)),
                _ => attributes.push(key, Value::Text(&text)),
            }
        }
        _ => attributes.push(key, number_of(value)?),
    }
    Some(())
}

/// The standard library reads a float to the last bit; `-0` is one.
fn number_of(text: &str) -> Option<Value<'static>> {
    if text != "-0" {
        if let Ok(value) = text.parse() {
            return Some(Value::Int(value));
        }
        if let Ok(value) = text.parse() {
            return Some(Value::Unsigned(value));
        }
    }
    text.parse::<f64>().ok().filter(|v| v.is_finite()).map(Value::Float)
}

fn key_of(text: &str) -> Key<'_> {
    if let Some((name, rest)) = text.split_once('[')
        && let Some(index) = rest.strip_suffix(']')
        && index.bytes().all(|b| b.is_ascii_digit())
        && (index == "0" || !index.starts_with('0'))
    {
        if let Some(id) = index.parse().ok().filter(|_| name == "io") {
            return Key::Io(id);
        }
        if let (Some(name), Ok(index @ 1..)) = (Name::from_text(name), index.parse::<u8>()) {
            return Key::Named(name, index);
        }
    }
    Name::from_text(text).map_or(Key::Text(text), |name| Key::Named(name, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_key() -> impl Strategy<Value = (u8, u8, u32, String)> {
        (0..3_u8, any::<u8>(), any::<u32>(), "[a-z\\[\\]0-9\"\u{1}é]{0,12}|io\\[0?7\\]|temperature_c\\[0?[0-3]\\]|ignition")
    }

    fn any_value() -> impl Strategy<Value = protocols::ValueBuf> {
        use protocols::ValueBuf;
        prop_oneof![
            any::<bool>().prop_map(ValueBuf::Bool),
            any::<i64>().prop_map(ValueBuf::Int),
            any::<u64>().prop_map(ValueBuf::Unsigned),
            any::<f64>().prop_map(ValueBuf::Float),
            (-1e3..1e3_f64).prop_map(|v| ValueBuf::Float((v * 10.0).round() / 10.0)),
            Just(ValueBuf::Float(-0.0)),
            ".{0,20}|sos".prop_map(ValueBuf::Text),
            (0..Alarm::ALL.len()).prop_map(|n| ValueBuf::Alarm(Alarm::ALL[n])),
        ]
    }

    proptest! {
        #[test]
        fn the_text_comes_back_the_same(items in proptest::collection::vec((any_key(), any_value()), 0..12)) {
            let mut attributes = Attributes::new();
            for ((kind, index, id, text), value) in &items {
                let key = match kind {
                    0 => Key::Named(Name::ALL[usize::from(*index) % Name::ALL.len()], index / 7),
                    1 => Key::Io(*id),
                    _ => Key::Text(text),
                };
                let value = match value {
                    protocols::ValueBuf::Bool(v) => Value::Bool(*v),
                    protocols::ValueBuf::Int(v) => Value::Int(*v),
                    protocols::ValueBuf::Unsigned(v) => Value::Unsigned(*v),
                    protocols::ValueBuf::Float(v) => Value::Float(*v),
                    protocols::ValueBuf::Text(v) => Value::Text(v),
                    protocols::ValueBuf::Alarm(v) => Value::Alarm(*v),
                };
                attributes.push(key, value);
            }
            let json = to_json(&attributes);
            let back = from_json(&json).expect("an object");
            prop_assert_eq!(to_json(&back), json);
        }
    }
}
