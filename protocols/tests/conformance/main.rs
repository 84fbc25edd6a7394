//! Frames of real devices with what another server made of them (the folder in `PURVIEW_CONFORMANCE_DIR`): a second opinion.
//! Every disagreement in places or replies is either mended or listed in `docs/conformance.md` with its reason.
#![forbid(unsafe_code)]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::print_stdout, clippy::cast_precision_loss)]

mod commands;
mod compare;
mod explained;
mod feed;
#[path = "../recordings/mod.rs"]
mod recordings;
mod tally;
mod vector;

use protocols::Protocol;
use serde_json::Value;
use tally::Tally;

/// The share of places that must agree, and the number below which one miss is allowed instead.
const PLACES_SHARE_MIN: f64 = 0.98;
const PLACES_FEW: usize = 50;
/// How a reason begins that says that the recording is wrong.
const THEIRS: &str = "theirs: ";
/// The same for replies, for the attributes that most protocols have, and for commands.
const SHARE_MIN: f64 = 0.95;
const FEW: usize = 20;

#[test]
fn recorded_frames_give_the_recorded_places_and_replies() {
    let Some(folder) = recordings::folder() else {
        println!("SKIPPED: no recordings. Set PURVIEW_CONFORMANCE_DIR to the folder that holds them.");
        return;
    };
    let explained = explained::read();
    let (mut problems, mut tallies) = (Vec::new(), Vec::new());
    for protocol in Protocol::ALL {
        let Some(recorded) = recordings::of(&folder, *protocol) else {
            println!("no recordings of {}", protocol.name());
            continue;
        };
        let tally = measure(*protocol, &recorded);
        problems.extend(judge(&tally, &explained));
        tallies.push(tally);
    }
    println!("{}", Tally::HEADER);
    for tally in &tallies {
        println!("{tally}");
    }
    for tally in &tallies {
        for line in &tally.disagreements {
            let word = if explained.contains_key(&(tally.name.to_owned(), line.id.clone())) { "explained" } else { "OPEN" };
            println!("{word:9} {} {}", tally.name, line);
        }
        for line in &tally.notes {
            println!("note      {} {}", tally.name, line);
        }
    }
    problems.extend(explained::stale_figures(&tallies));
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn measure(protocol: Protocol, recorded: &[Value]) -> Tally {
    let mut tally = Tally::new(protocol.name());
    for json in recorded {
        match json["kind"].as_str() {
            Some("frame") => tally.framing(feed::framing(protocol, json)),
            Some("encode") => commands::compare(protocol, json, &mut tally),
            Some("frame_encode") => {}
            _ => {
                let vector = vector::Vector::read(json);
                let heard = feed::feed(protocol, &vector.recording);
                compare::compare(&vector, &heard, &mut tally);
            }
        }
    }
    tally
}

fn judge(tally: &Tally, explained: &explained::Explained) -> Vec<String> {
    let mut problems = Vec::new();
    let is_explained = |id: &String| explained.contains_key(&(tally.name.to_owned(), id.clone()));
    // An attribute that is right here and wrong there counts as right where the document says why.
    let mut attributes = tally.attributes;
    attributes.equal += tally.attribute_misses.iter().filter(|id| is_explained(id)).count();
    // Places and replies only where it says, with a source, that the recording is wrong.
    let is_theirs = |id: &&String| explained.get(&(tally.name.to_owned(), (*id).clone())).is_some_and(|why| why.starts_with(THEIRS));
    let (mut places, mut replies) = (tally.places, tally.replies);
    places.equal += tally.place_misses.iter().filter(is_theirs).count();
    replies.equal += tally.reply_misses.iter().filter(is_theirs).count();
    for (what, count, few, share_min) in [
        ("places", places, PLACES_FEW, PLACES_SHARE_MIN),
        ("replies", replies, FEW, SHARE_MIN),
        ("attributes", attributes, FEW, SHARE_MIN),
        ("commands", tally.commands, FEW, SHARE_MIN),
    ] {
        let enough = if count.all < few { count.misses() <= 1 } else { count.share() >= share_min };
        if !enough {
            problems.push(format!("{}: {} of {} {what} agree", tally.name, count.equal, count.all));
        }
    }
    for line in &tally.disagreements {
        if !is_explained(&line.id) {
            problems.push(format!("{}: not in docs/conformance.md: {line}", tally.name));
        }
    }
    for (protocol, id) in explained.keys().filter(|(protocol, _)| protocol == tally.name) {
        if tally.ids.contains(id) && !tally.disagreements.iter().any(|d| d.id == *id) && !tally.attribute_misses.contains(id) {
            problems.push(format!("{protocol}: docs/conformance.md explains {id}, which agrees"));
        }
    }
    problems
}
