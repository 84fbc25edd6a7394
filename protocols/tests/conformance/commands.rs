//! Recordings of commands: what the other server sends for them.

use crate::feed::feed_to;
use crate::recordings::{NOW, Recording, settings};
use crate::tally::{Difference, Tally};
use protocols::{Addressee, CannotSay, Command, Environment, Identifier, Options, Protocol, wire};
use serde_json::Value;

/// Compares one recorded command. Kinds that our list does not have are noted only.
pub fn compare(protocol: Protocol, json: &Value, tally: &mut Tally) {
    let id = json["id"].as_str().unwrap_or_default().to_owned();
    let Some(command) = command(&json["command"]) else {
        tally.notes.push(format!("{id} no such command here: {}", json["command"]["type"]));
        return;
    };
    tally.ids.insert(id.clone());
    let owned = settings(&json["options"]);
    let settings: Vec<(&str, &str)> = owned.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let options = Options { ignore_checksum: true, settings: &settings };
    let now = json["command_time"].as_str().and_then(protocols::from_rfc3339).unwrap_or(NOW);
    let datagram = options.flag("connectionless");
    let env = Environment { now, model: json["device"]["model"].as_str(), options, datagram };
    let identifier = Identifier::new(json["device"]["unique_id"].as_str().unwrap_or_default()).expect("an identifier");
    let mut decoder = protocol.decoder();
    if let Some((last, before)) = json["context"].as_array().and_then(|list| list.split_last()) {
        let as_vector = serde_json::json!({ "input": last, "wire": last["wire"], "context": before, "options": json["options"] });
        feed_to(&mut *decoder, &Recording::read(&as_vector));
    }
    let to = Addressee { identifier: &identifier, password: json["command"]["attributes"]["devicePassword"].as_str(), env };
    let mut ours = Vec::new();
    let result = decoder.command(&command, &to, &mut ours);
    let output = &json["output"];
    let theirs = match (json["wire_hex"].as_str().or(output["hex"].as_str()), output["text"].as_str()) {
        (Some(hex), _) => wire::from_hex(hex).expect("hexadecimal digits"),
        (None, text) => text.unwrap_or_default().as_bytes().to_vec(),
    };
    let equal = result.is_ok() && ours == theirs;
    tally.commands.add(equal);
    if !equal {
        let show = |bytes: &[u8]| format!("{} {:?}", wire::to_hex(bytes), String::from_utf8_lossy(bytes));
        let ours = if result == Err(CannotSay::Unsupported) { "cannot be said".into() } else { show(&ours) };
        tally.disagreements.push(Difference { id, field: "command", ours, theirs: show(&theirs) });
    }
}

fn command(json: &Value) -> Option<Command> {
    let attributes = &json["attributes"];
    let text = |name: &str| attributes[name].as_str().map(str::to_owned);
    let number = |name: &str| attributes[name].as_u64();
    Some(match json["type"].as_str()? {
        "custom" => Command::Raw { text: text("data")? },
        "positionSingle" => Command::Locate,
        "positionPeriodic" => Command::ReportEvery { seconds: u32::try_from(number("frequency")?).ok()? },
        "positionStop" => Command::ReportStop,
        "engineStop" => Command::EngineStop,
        "engineResume" => Command::EngineResume,
        "alarmArm" => Command::Arm,
        "alarmDisarm" => Command::Disarm,
        "rebootDevice" => Command::Reboot,
        "powerOff" => Command::PowerOff,
        "factoryReset" => Command::FactoryReset,
        "getVersion" => Command::Version,
        "getDeviceStatus" => Command::Status,
        "deviceIdentification" => Command::Identification,
        "requestPhoto" => Command::Photo,
        "outputControl" => {
            Command::Output { number: number("index").and_then(|n| u8::try_from(n).ok()).unwrap_or(1), on: text("data")? == "1" }
        }
        "setOdometer" => Command::SetOdometer { metres: u32::try_from(number("data")?).ok()? },
        "sosNumber" => Command::SosNumber { index: u8::try_from(number("index")?).ok()?, phone: text("phone")? },
        "message" => Command::Message { text: text("message")? },
        "sendSms" => Command::SendSms { phone: text("phone")?, text: text("message")? },
        "setTimezone" if number("language").is_none() => Command::SetTimeZone { minutes: minutes(attributes["timezone"].as_str()?)? },
        _ => return None,
    })
}

/// `GMT+05:45`. Zones by the name of a city are not the protocols' business.
fn minutes(zone: &str) -> Option<i32> {
    let (hours, minutes) = zone.strip_prefix("GMT")?.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some(hours * 60 + if hours < 0 { -minutes } else { minutes })
}
