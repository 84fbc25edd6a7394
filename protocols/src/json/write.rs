//! JSON objects written member by member, in the order in which they are told.

use crate::Value;
use crate::attributes::{write_json_text, write_json_value};
use alloc::string::String;
use core::fmt::Write as _;

/// An object in the making.
#[derive(Debug)]
pub(crate) struct Writer(String);

impl Writer {
    /// The text of an object with the members that are told.
    pub(crate) fn object(tell: impl FnOnce(&mut Self)) -> String {
        let mut writer = Self(String::new());
        writer.nested(tell);
        writer.0
    }

    fn nested(&mut self, tell: impl FnOnce(&mut Self)) {
        self.0.push('{');
        tell(self);
        self.0.push('}');
    }

    fn name(&mut self, name: &str) {
        // Nothing else ends so: a text ends with its quote.
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        write_json_text(name, &mut self.0);
        self.0.push(':');
    }

    /// A member whose value is an object.
    pub(crate) fn members(&mut self, name: &str, tell: impl FnOnce(&mut Self)) {
        self.name(name);
        self.nested(tell);
    }

    /// A member.
    pub(crate) fn member(&mut self, name: &str, value: Value<'_>) {
        self.name(name);
        match value {
            // With its point: it must come back as what it is.
            Value::Float(v) if v.is_finite() => drop(write!(self.0, "{v:?}")),
            other => write_json_value(other, &mut self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_the_order_in_which_they_are_told() {
        let text = Writer::object(|object| {
            object.member("b{", Value::Text("{"));
            object.members("a", |inner| inner.member("x", Value::Float(1.0)));
            object.members("empty", |_| ());
            object.member("b{", Value::Float(f64::NAN));
            object.member("c\"", Value::Int(-1));
        });
        assert_eq!(text, r#"{"b{":"{","a":{"x":1.0},"empty":{},"b{":null,"c\"":-1}"#);
    }
}
