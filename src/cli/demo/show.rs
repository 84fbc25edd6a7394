//! The live view: a few lines a second, each number with its meaning.

use super::compare::{Key, Why, withheld};
use super::fleet::{Planned, SPOKEN, has_old_data};
use super::report::Report;
use super::scene::{CONTRACTOR_DEVICES, Scene, is_dispatchers};
use super::taken::Taken;
use super::watcher::{Arrival, Inbox, Watcher};
use crate::gateway::Gateway;
use crate::model::{Micros, Seq};
use crate::simulator::Ledger;
use protocols::Transport;
use spec::{Observation, Spot, World};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Instant;

/// Tells what happens while it happens.
pub(super) struct Show<'a> {
    out: &'a mut (dyn Write + Send),
    scene: &'a Scene,
    started: Instant,
    /// As the rights stand now.
    world: World,
    /// Of each viewer: what the owner was shown and he was not, by reason. The owner is shown everything.
    withheld: Vec<BTreeMap<Why, usize>>,
    looked_at: usize,
}

impl<'a> Show<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), scene: &'a Scene) -> Self {
        let withheld = vec![BTreeMap::new(); scene.people.len()];
        Self { out, scene, started: Instant::now(), world: scene.world(), withheld, looked_at: 0 }
    }

    /// Who, what, where.
    pub(super) fn opening(&mut self, gateway: &Gateway, fleet: &[Planned], seconds: u64) -> io::Result<()> {
        let spoken: Vec<String> =
            SPOKEN.iter().take(fleet.len()).map(|(protocol, transport)| spoken(protocol.name(), *transport)).collect();
        let (devices, geofences) = (fleet.len(), self.scene.geofences.len());
        let old = (0..devices).filter(|device| has_old_data(*device)).count();
        let dispatchers = (0..devices).filter(|device| is_dispatchers(*device)).count();
        writeln!(self.out, "Purview demo: {devices} trackers drive for {seconds} s and speak {}.", spoken.join(", "))?;
        writeln!(
            self.out,
            "They send their records to this gateway, which acknowledges a record when it is durable on disk, and not before."
        )?;
        writeln!(
            self.out,
            "{old} of them had no connection three days ago, and send what they kept; some connections break, some datagrams are lost."
        )?;
        writeln!(self.out, "Three people look on, each signed in over http://{} with a WebSocket of his own:", gateway.api())?;
        writeln!(self.out, "  owner       everything of the account: {devices} devices, {geofences} geofences")?;
        writeln!(self.out, "  dispatcher  {dispatchers} devices, 2 geofences, as far back as the tariff goes (90 days)")?;
        writeln!(self.out, "  contractor  {} devices, 1 geofence, nothing older than a day", CONTRACTOR_DEVICES.len())?;
        writeln!(
            self.out,
            "Each block: what the trackers were told is safe; what each viewer received; what was withheld from him, and why."
        )
    }

    /// How things stand.
    pub(super) fn tick(&mut self, ledger: &Ledger, watchers: &[Watcher]) -> io::Result<()> {
        self.look_at_owner(watchers);
        let outcome = ledger.outcome();
        let at = self.started.elapsed().as_secs();
        writeln!(self.out)?;
        writeln!(
            self.out,
            "{at:>3} s  {} records sent, {} acknowledged (after {:.1} ms in the median)",
            outcome.sent, outcome.acked, outcome.ack_ms_p50
        )?;
        for ((person, watcher), withheld) in self.scene.people.iter().zip(watchers).zip(&self.withheld) {
            let received = watcher.look(received);
            writeln!(self.out, "       {:<10}  {received}; withheld: {}", person.name, reasons(withheld))?;
        }
        self.out.flush()
    }

    /// Something was taken from the contractor.
    pub(super) fn taken(&mut self, what: &str, taken: &Taken, watchers: &[Watcher]) -> io::Result<()> {
        // What came up to now is judged by the rights of before.
        self.look_at_owner(watchers);
        let taking = taken.taking(|_| 0);
        self.world.apply(&taking.operation, taking.not_after);
        let at = self.started.elapsed().as_secs();
        writeln!(self.out)?;
        writeln!(self.out, "{at:>3} s  REVOKE: the owner takes {what} from the contractor, while everything goes on.")?;
        writeln!(self.out, "       The call returned after {:.1} ms. From here on he gets nothing of it.", taken.took.as_secs_f64() * 1e3)?;
        self.out.flush()
    }

    fn look_at_owner(&mut self, watchers: &[Watcher]) {
        let Some(owner) = watchers.first() else { return };
        let new: Vec<Arrival> = owner.look(|inbox| inbox.arrivals.get(self.looked_at..).unwrap_or_default().to_vec());
        self.looked_at += new.len();
        for arrival in &new {
            let Some(observation) = observation(self.scene, arrival) else { continue };
            for (person, counts) in self.scene.people.iter().zip(&mut self.withheld) {
                if let Some(why) = withheld(&self.world, person.user.0, &observation, arrival.recorded_at) {
                    *counts.entry(why).or_default() += 1;
                }
            }
        }
    }

    /// The totals.
    pub(super) fn totals(&mut self, report: &Report) -> io::Result<()> {
        let out = &mut self.out;
        writeln!(out)?;
        writeln!(out, "Totals")?;
        writeln!(
            out,
            "  {} records sent, {} acknowledged, {} in history (what was sent again is there once): nothing acknowledged was lost{}",
            report.records_sent,
            report.records_acked,
            report.records_durable,
            if report.is_good() { "." } else { "?" }
        )?;
        writeln!(out, "  Acknowledged after {:.1} ms in the median, {:.1} ms at 99 %.", report.ack_ms_p50, report.ack_ms_p99)?;
        writeln!(out, "  {} visits and {} alerts came of them.", report.visits, report.alerts)?;
        writeln!(out, "  What each viewer received, beside what the executable specification says that he has to receive:")?;
        for viewer in &report.viewers {
            writeln!(
                out,
                "    {:<10}  received {}, expected {}, leaked {}, missing {}; late positions {}; withheld: {}",
                viewer.name,
                viewer.received,
                viewer.expected,
                viewer.leaked,
                viewer.missing,
                viewer.late,
                reasons(&viewer.withheld)
            )?;
        }
        writeln!(out, "  Things that reached the contractor after they had been taken from him: {}", report.after_revoke)?;
        for problem in &report.problems {
            writeln!(out, "  WRONG: {problem}")?;
        }
        out.flush()
    }
}

fn spoken(name: &str, transport: Transport) -> String {
    let transport = match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Http => "HTTP",
        Transport::Mqtt => "MQTT",
    };
    format!("{name} ({transport})")
}

fn received(inbox: &Inbox) -> String {
    let count = |wanted: fn(&Arrival) -> bool| inbox.arrivals.iter().filter(|arrival| wanted(arrival)).count();
    let positions = count(|arrival| matches!(arrival.key, Key::Position { .. }));
    let late = count(|arrival| arrival.late);
    let visits = count(|arrival| matches!(arrival.key, Key::Visit { .. }));
    let alerts = count(|arrival| matches!(arrival.key, Key::Alert { .. }));
    format!("{positions:>5} positions ({late:>2} late), {visits:>4} begins and ends of visits, {alerts:>4} alerts")
}

fn reasons(withheld: &BTreeMap<Why, usize>) -> String {
    let reason = |(why, count): (&Why, &usize)| {
        let why = match why {
            Why::Device => "device not granted",
            Why::Geofence => "geofence not granted",
            Why::Window => "older than his window",
        };
        format!("{count} {why}")
    };
    let reasons: Vec<String> = withheld.iter().map(reason).collect();
    if reasons.is_empty() { "nothing".to_owned() } else { reasons.join(", ") }
}

/// An arrival as the specification would put it, as newly recorded as can be.
fn observation(scene: &Scene, arrival: &Arrival) -> Option<Observation> {
    let device = scene.device(arrival.device)?.0;
    let spot = arrival.geofence.and_then(|public| scene.geofence(public)).map(|id| Spot::Geofence(id.0));
    let (seq, recorded_at, (from, to)): (Seq, Micros, _) = (Seq::MAX, arrival.recorded_at, arrival.span);
    Some(match arrival.key {
        Key::Position { fix_time, .. } => Observation::Position(spec::Position { device, fix_time, seq, recorded_at }),
        Key::Visit { revision, .. } => {
            let exited = (revision > 0).then_some(to);
            Observation::Visit(spec::Visit { device, spot: spot?, entered: from, exited, known_until: to, seq, recorded_at })
        }
        Key::Alert { .. } => Observation::Alert(spec::Alert { device, spot, rule: None, from, to, exit: false, seq, recorded_at }),
    })
}
