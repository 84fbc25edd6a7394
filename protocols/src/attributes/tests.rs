use super::*;

#[test]
fn what_is_pushed_comes_back_in_order() {
    let mut a = Attributes::new();
    a.set(Name::Ignition, Value::Bool(true));
    a.push(Key::Named(Name::TemperatureC, 2), Value::Float(-3.5));
    a.push(Key::Io(70_000), Value::Unsigned(u64::MAX));
    a.push(Key::Text("p\"1"), Value::Text("x\ny"));
    a.alarm(Alarm::Sos);
    a.alarm(Alarm::Sos);
    a.alarm(Alarm::PowerCut);
    a.set(Name::Hdop, Value::Float(f64::NAN));
    let mut json = String::new();
    a.write_json(&mut json);
    assert_eq!(
        json,
        "{\"ignition\":true,\"temperature_c[2]\":-3.5,\"io[70000]\":18446744073709551615,\
         \"p\\\"1\":\"x\\u000ay\",\"alarm\":\"sos\",\"alarm[1]\":\"power_cut\"}"
    );
    assert_eq!(Attributes::from_bytes(a.as_bytes()), Some(a.clone()));
    let cut = a.as_bytes().len().saturating_sub(1);
    assert_eq!(Attributes::from_bytes(a.as_bytes().get(..cut).unwrap_or_default()), None);
    assert_eq!(a.alarms().collect::<Vec<_>>(), [Alarm::Sos, Alarm::PowerCut]);
}

#[test]
fn an_alarm_is_told_once_however_many_attributes_there_are() {
    for others in [0, 20, 40, 3_000] {
        let mut a = Attributes::new();
        a.alarm(Alarm::Sos);
        (0..others).for_each(|id| a.push(Key::Io(id), Value::Int(1)));
        for alarm in [Alarm::Sos, Alarm::Towing, Alarm::Towing, Alarm::Removing, Alarm::Sos] {
            a.alarm(alarm);
        }
        // Of the most there is no room for more alarms.
        let expected: &[Alarm] = if others < 3_000 { &[Alarm::Sos, Alarm::Towing, Alarm::Removing] } else { &[Alarm::Sos] };
        assert_eq!(a.alarms().collect::<Vec<_>>(), expected);
        let mut copy = Attributes::from_bytes(a.as_bytes()).unwrap();
        copy.alarm(Alarm::Sos);
        assert_eq!(copy, a);
    }
}

#[test]
fn a_key_comes_back_from_its_spelling() {
    for text in ["ignition", "temperature_c[2]", "io[0]", "io[4294967295]", "p1", "io[01]", "ignition[0]", "io[]", "io[+1]", "x[1]"] {
        let mut spelled = String::new();
        let _ = write!(spelled, "{}", Key::from_spelling(text));
        assert_eq!(spelled, text);
    }
    assert_eq!(Key::from_spelling("temperature_c[2]"), Key::Named(Name::TemperatureC, 2));
    assert_eq!(Key::from_spelling("io[70000]"), Key::Io(70_000));
    assert_eq!(Key::from_spelling("io[4294967296]"), Key::Text("io[4294967296]"));
}
