//! Who is connected: limits, and one connection for each device.

use crate::model::DeviceId;
use crate::session::Claims;
use crate::telemetry;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// The connections that are open.
pub(crate) struct Connections {
    open_max: usize,
    per_address_max: usize,
    open: AtomicUsize,
    numbers: AtomicU64,
    by_address: DashMap<IpAddr, usize>,
    by_number: DashMap<u64, CancellationToken>,
    by_device: DashMap<DeviceId, u64>,
    /// Connections that publish for a device without being its own: one may speak for many, and many for one.
    publishers: DashMap<DeviceId, Vec<u64>>,
}

/// Connections that are remembered as publishing for one device; beyond it the oldest is forgotten.
const PUBLISHERS_MAX: usize = 16;

/// One open connection; it is counted until it is dropped.
pub(crate) struct Admission<'a> {
    connections: &'a Connections,
    address: IpAddr,
    pub(crate) number: u64,
    pub(crate) cut: CancellationToken,
}

impl Connections {
    pub(crate) fn new(open_max: usize, per_address_max: usize) -> Self {
        Self {
            open_max,
            per_address_max,
            open: AtomicUsize::new(0),
            numbers: AtomicU64::new(1),
            by_address: DashMap::new(),
            by_number: DashMap::new(),
            by_device: DashMap::new(),
            publishers: DashMap::new(),
        }
    }

    /// Counts a new connection, or refuses it.
    pub(crate) fn admit(&self, address: IpAddr) -> Option<Admission<'_>> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.open_max {
            self.open.fetch_sub(1, Ordering::Relaxed);
            metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => "connections_max").increment(1);
            return None;
        }
        let mut of_address = self.by_address.entry(address).or_insert(0);
        if *of_address >= self.per_address_max {
            drop(of_address);
            self.open.fetch_sub(1, Ordering::Relaxed);
            metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => "connections_per_address_max").increment(1);
            return None;
        }
        *of_address += 1;
        drop(of_address);
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let cut = CancellationToken::new();
        self.by_number.insert(number, cut.clone());
        metrics::gauge!(telemetry::CONNECTIONS).increment(1.0);
        Some(Admission { connections: self, address, number, cut })
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Cuts off the connections that serve a device.
    pub(crate) fn close_device(&self, device: DeviceId) {
        if let Some((_, number)) = self.by_device.remove(&device) {
            self.cut(number);
        }
        for number in self.publishers.remove(&device).map(|(_, numbers)| numbers).unwrap_or_default() {
            self.cut(number);
        }
    }

    fn cut(&self, number: u64) {
        if let Some(token) = self.by_number.get(&number) {
            token.cancel();
        }
    }
}

impl Claims for Connections {
    fn claim(&self, device: DeviceId, connection: u64) -> bool {
        let before = match self.by_device.entry(device) {
            Entry::Occupied(mut entry) => Some(entry.insert(connection)),
            Entry::Vacant(entry) => {
                entry.insert(connection);
                None
            }
        };
        let taken_over = before.is_some_and(|number| number != connection && self.by_number.contains_key(&number));
        if let Some(number) = before.filter(|_| taken_over) {
            self.cut(number);
        }
        taken_over
    }
}

impl Admission<'_> {
    /// The connection no longer serves this device.
    pub(crate) fn release(&self, device: DeviceId) {
        self.connections.by_device.remove_if(&device, |_, number| *number == self.number);
    }

    /// The connection publishes for this device, among others.
    pub(crate) fn serves(&self, device: DeviceId) {
        let mut numbers = self.connections.publishers.entry(device).or_default();
        if !numbers.contains(&self.number) {
            if numbers.len() >= PUBLISHERS_MAX {
                numbers.remove(0);
            }
            numbers.push(self.number);
        }
    }

    /// The opposite of [`Admission::serves`].
    pub(crate) fn no_longer_serves(&self, device: DeviceId) {
        if let Some(mut numbers) = self.connections.publishers.get_mut(&device) {
            numbers.retain(|number| *number != self.number);
        }
        self.connections.publishers.remove_if(&device, |_, numbers| numbers.is_empty());
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.connections.by_number.remove(&self.number);
        self.connections.open.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!(telemetry::CONNECTIONS).decrement(1.0);
        if let Some(mut count) = self.connections.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
        }
        self.connections.by_address.remove_if(&self.address, |_, count| *count == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn limits_hold_and_are_given_back() {
        let connections = Connections::new(3, 2);
        let (a, b) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv4Addr::new(127, 0, 0, 2)));
        let first = connections.admit(a).expect("room");
        let _second = connections.admit(a).expect("room");
        assert!(connections.admit(a).is_none(), "two of one address");
        let _third = connections.admit(b).expect("room");
        assert!(connections.admit(b).is_none(), "three in all");
        drop(first);
        assert!(connections.admit(a).is_some());
    }

    #[test]
    fn the_newer_of_two_claimants_is_served_and_the_older_cut_off() {
        let connections = Connections::new(9, 9);
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let (older, newer) = (connections.admit(address).expect("room"), connections.admit(address).expect("room"));
        assert!(!connections.claim(DeviceId(1), older.number));
        assert!(connections.claim(DeviceId(1), newer.number));
        assert!(older.cut.is_cancelled() && !newer.cut.is_cancelled());
        older.release(DeviceId(1));
        connections.close_device(DeviceId(1));
        assert!(newer.cut.is_cancelled(), "the older one's end does not unseat the newer one");
    }

    #[test]
    fn p14_whoever_publishes_for_a_device_is_cut_off_with_it() {
        let connections = Connections::new(9, 9);
        let address = IpAddr::from(Ipv4Addr::LOCALHOST);
        let [one, both, gone] = std::array::from_fn(|_| connections.admit(address).expect("room"));
        one.serves(DeviceId(1));
        both.serves(DeviceId(1));
        both.serves(DeviceId(2));
        gone.serves(DeviceId(2));
        gone.no_longer_serves(DeviceId(2));
        connections.close_device(DeviceId(2));
        assert!(both.cut.is_cancelled() && !one.cut.is_cancelled() && !gone.cut.is_cancelled());
        both.no_longer_serves(DeviceId(1));
        one.no_longer_serves(DeviceId(1));
        assert!(connections.publishers.is_empty(), "nothing is left behind");
    }
}
