//! How many requests a caller may make (docs/api.md §1).
//!
//! Who has shown a good key is counted by that key, everybody else by address: pages that follow
//! an order, and whoever guesses keys. WeChat's notifications are counted by nobody, see
//! [`Gate::notice`].

use super::error::ApiError;
use crate::config::{Config, Limits};
use crate::keys::KeyDigest;
use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;
use saoma_core::time::UnixTime;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most callers that are counted one by one; those beyond share one count.
const CALLERS_MAX: usize = 65_536;
/// Calls with a device's key, a second and at once. One machine needs few, and a key that somebody
/// has read out of one in the street must not use up what WeChat lets the merchant ask.
const DEVICE: Rate = Rate { per_s: 5, burst: 50 };
/// How many follow orders at once with one key of a device: it has a customer at a time, and leaves
/// some behind that are noticed later.
const DEVICE_FOLLOWERS: u32 = 50;
/// Refused notifications of one address, a second and at once, before it is suspected.
const REFUSED: Rate = Rate { per_s: 1, burst: 20 };
/// How many messages of suspected addresses are looked at at once.
const SUSPECTED_AT_ONCE: usize = 8;

/// So many a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug)]
struct Rate {
    per_s: u32,
    burst: u32,
}

/// What one caller may still do.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    /// When `left` was right.
    at: UnixTime,
}

impl Bucket {
    fn filled(self, rate: Rate, now: UnixTime) -> Self {
        let passed = now.get().saturating_sub(self.at.get());
        let more = u32::try_from(passed).unwrap_or(u32::MAX).saturating_mul(rate.per_s);
        // A clock that was set back only pauses the filling, for a second at most.
        Self { left: self.left.saturating_add(more).min(rate.burst), at: now }
    }
}

/// Counts callers. Whole seconds are enough, and time is an argument.
#[derive(Debug)]
struct Counter<K> {
    rate: Rate,
    buckets: Mutex<Buckets<K>>,
}

#[derive(Debug)]
struct Buckets<K> {
    /// `None` is everybody who finds no place.
    all: HashMap<Option<K>, Bucket>,
    swept_at: Option<UnixTime>,
}

impl<K: Hash + Eq + Clone> Counter<K> {
    fn new(rate: Rate) -> Self {
        let buckets = Buckets { all: HashMap::new(), swept_at: None };
        Self { rate, buckets: Mutex::new(buckets) }
    }

    /// Takes one from a caller; `false`: there was none left.
    fn take(&self, key: &K, now: UnixTime) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = buckets.place_of(key, self.rate, now);
        let bucket = buckets.all.get(&key).copied();
        let bucket = bucket.unwrap_or(Bucket { left: self.rate.burst, at: now });
        let mut bucket = bucket.filled(self.rate, now);
        let has_one = bucket.left > 0;
        bucket.left = bucket.left.saturating_sub(1);
        buckets.all.insert(key, bucket);
        has_one
    }

    /// Whether a caller has used up what it had; nothing is taken.
    fn is_empty(&self, key: &K, now: UnixTime) -> bool {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.all.get(&Some(key.clone()));
        bucket.is_some_and(|bucket| bucket.filled(self.rate, now).left == 0)
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Where a caller is counted. Who could do everything again is forgotten, once a second at
    /// most, when there is no place left.
    fn place_of(&mut self, key: &K, rate: Rate, now: UnixTime) -> Option<K> {
        let key = Some(key.clone());
        if self.all.len() < CALLERS_MAX || self.all.contains_key(&key) {
            return key;
        }
        if self.swept_at != Some(now) {
            self.swept_at = Some(now);
            self.all.retain(|_, bucket| bucket.filled(rate, now).left < rate.burst);
        }
        if self.all.len() < CALLERS_MAX { key } else { None }
    }
}

/// Who follows an order, as it is counted. Devices behind one address do not share a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum FollowedBy {
    /// A page, by its address.
    Page(IpAddr),
    /// A device, by the digest of its key.
    Device(KeyDigest),
}

/// Counts those that follow orders. Only those that do are kept.
#[derive(Debug)]
struct Followers {
    /// How many pages of one address.
    pages: u32,
    open: Mutex<HashMap<FollowedBy, u32>>,
}

impl Followers {
    fn open(&self) -> MutexGuard<'_, HashMap<FollowedBy, u32>> {
        // The counts are right at every moment, whoever panicked meanwhile.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that follows, until this is gone.
#[derive(Debug)]
pub(super) struct Following {
    followers: Arc<Followers>,
    by: FollowedBy,
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut open = self.followers.open();
        let Some(count) = open.get_mut(&self.by) else { return };
        *count -= 1;
        if *count == 0 {
            open.remove(&self.by);
        }
    }
}

/// Where a login comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// What is counted for the address.
    pub(crate) address: IpAddr,
    /// It is a proxy's that nobody has named: everybody stands behind it, so nobody may have to
    /// wait for what others did there.
    pub(crate) is_shared: bool,
}

/// Counts requests, and knows where they come from.
#[derive(Debug)]
pub(crate) struct Gate {
    keys: Counter<[u8; 32]>,
    devices: Counter<[u8; 32]>,
    addresses: Counter<IpAddr>,
    followers: Arc<Followers>,
    refused: Counter<IpAddr>,
    suspected: Arc<Semaphore>,
    proxies: Vec<IpNet>,
    /// Somebody was told of a proxy that is not among them.
    is_told: AtomicBool,
}

impl Gate {
    pub(crate) fn new(config: &Config) -> Self {
        let Limits { key_per_s, key_burst, address_per_s, address_burst, address_followers } =
            config.limits;
        let device =
            Rate { per_s: DEVICE.per_s.min(key_per_s), burst: DEVICE.burst.min(key_burst) };
        Self {
            keys: Counter::new(Rate { per_s: key_per_s, burst: key_burst }),
            devices: Counter::new(device),
            addresses: Counter::new(Rate { per_s: address_per_s, burst: address_burst }),
            followers: Arc::new(Followers { pages: address_followers, open: Mutex::default() }),
            refused: Counter::new(REFUSED),
            suspected: Arc::new(Semaphore::new(SUSPECTED_AT_ONCE)),
            proxies: config.trusted_proxies.clone(),
            is_told: AtomicBool::new(false),
        }
    }

    /// Counts a call with a key of this digest, which a shop holds or a device.
    pub(super) fn key(
        &self,
        digest: &[u8; 32],
        is_device: bool,
        now: UnixTime,
    ) -> Result<(), ApiError> {
        let keys = if is_device { &self.devices } else { &self.keys };
        if keys.take(digest, now) { Ok(()) } else { Err(ApiError::TooMany) }
    }

    /// Counts a call without one.
    pub(super) fn address(&self, address: IpAddr, now: UnixTime) -> Result<(), ApiError> {
        if self.addresses.take(&counted(address), now) { Ok(()) } else { Err(ApiError::TooMany) }
    }

    /// Counts somebody who would log in, unless all would share that count, and says where from;
    /// `None`: too many calls came from there.
    pub(crate) fn login(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
        now: UnixTime,
    ) -> Option<Origin> {
        let address = counted(self.client(extensions, headers));
        let is_forwarded = headers.contains_key("x-forwarded-for");
        let is_shared = is_forwarded && self.is_unnamed(caller(extensions));
        let has_one = is_shared || self.addresses.take(&address, now);
        has_one.then_some(Origin { address, is_shared })
    }

    /// Lets a page of an address, or a device, follow an order. One page of each of many orders
    /// would hold as many connections as many pages of one.
    pub(super) fn follow(&self, by: FollowedBy) -> Result<Following, ApiError> {
        let (by, most) = match by {
            FollowedBy::Page(address) => (FollowedBy::Page(counted(address)), self.followers.pages),
            FollowedBy::Device(_) => (by, DEVICE_FOLLOWERS),
        };
        let mut open = self.followers.open();
        let count = open.get(&by).copied().unwrap_or(0);
        if count >= most {
            return Err(ApiError::TooMany);
        }
        open.insert(by, count + 1);
        drop(open);
        Ok(Following { followers: Arc::clone(&self.followers), by })
    }

    /// Lets a notification in, now or as soon as there is room.
    ///
    /// It is never refused because of its address: WeChat's come from few addresses, seen through
    /// a proxy from one only, and a rush of payments must not look like an attack. What costs us is
    /// messages that turn out to be bad, so an address that has sent many of those has to queue:
    /// few of its messages are looked at at once, and good ones among them still get through.
    pub(super) async fn notice(
        &self,
        address: IpAddr,
        now: UnixTime,
    ) -> Option<OwnedSemaphorePermit> {
        if !self.refused.is_empty(&counted(address), now) {
            return None;
        }
        // It is never closed.
        self.suspected.clone().acquire_owned().await.ok()
    }

    /// Counts a notification that was refused.
    pub(super) fn refused(&self, address: IpAddr, now: UnixTime) {
        let _ = self.refused.take(&counted(address), now);
    }

    /// The address of the client: the caller's, or, behind proxies that are trusted, the last one
    /// that they did not add themselves.
    pub(super) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> IpAddr {
        let mut client = caller(extensions);
        let forwarded = headers.get_all("x-forwarded-for").into_iter();
        let forwarded: Vec<&str> =
            forwarded.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')).collect();
        if !forwarded.is_empty() && self.is_news(client) {
            tracing::warn!(
                caller = %client,
                "X-Forwarded-For comes from nearby and is not believed: when that is a proxy, name \
                 it in trusted_proxies, or all its customers share one limit"
            );
        }
        for address in forwarded.into_iter().rev() {
            if !self.is_proxy(client) {
                break;
            }
            // What cannot be read was not written by a proxy of ours.
            let Some(address) = parse(address.trim()) else { break };
            client = address;
        }
        client
    }

    /// Whether a caller that speaks for others is mostly a proxy that was forgotten: it calls from
    /// nearby and is not trusted. From afar anybody may send the header.
    fn is_unnamed(&self, caller: IpAddr) -> bool {
        is_near(caller) && !self.is_proxy(caller)
    }

    /// Whether this is the first such caller.
    fn is_news(&self, caller: IpAddr) -> bool {
        self.is_unnamed(caller) && !self.is_told.swap(true, Ordering::Relaxed)
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.proxies.iter().any(|proxy| proxy.contains(&address))
    }
}

/// The address of whoever holds the other end of the connection.
fn caller(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip())
}

/// Whether an address is none of the Internet's: of this machine, of a private network, or of those
/// from which the load balancers of clouds call (shared, RFC 6598, and link-local).
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

/// Some proxies add the port.
fn parse(address: &str) -> Option<IpAddr> {
    let bare = || address.trim_matches(['[', ']']).parse().ok();
    address.parse::<SocketAddr>().map(|address| address.ip()).ok().or_else(bare)
}

/// What is counted for an address: of IPv6 the network, because one customer has all of it.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Env;
    use std::path::Path;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::new(1_795_433_160 + seconds).unwrap()
    }

    fn taken<K: Hash + Eq + Clone>(counter: &Counter<K>, key: &K, now: UnixTime) -> usize {
        (0..100).filter(|_| counter.take(key, now)).count()
    }

    #[test]
    fn a_caller_has_a_burst_and_then_a_rate_of_its_own() {
        let counter = Counter::new(Rate { per_s: 2, burst: 10 });
        assert_eq!(taken(&counter, &"a", at(0)), 10);
        assert_eq!(taken(&counter, &"b", at(0)), 10, "another caller has its own");
        assert_eq!(taken(&counter, &"a", at(0)), 0);
        assert_eq!(taken(&counter, &"a", at(1)), 2);
        assert_eq!(taken(&counter, &"a", at(3)), 4);
        assert_eq!(taken(&counter, &"a", at(1_000)), 10, "no more than a burst");
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_lock_anybody_out() {
        let counter = Counter::new(Rate { per_s: 2, burst: 10 });
        assert_eq!(taken(&counter, &"a", at(5_000)), 10);
        assert_eq!(taken(&counter, &"a", at(0)), 0);
        assert_eq!(taken(&counter, &"a", at(1)), 2);
    }

    #[test]
    fn memory_is_bounded_and_whoever_finds_no_place_shares_one() {
        let counter = Counter::new(Rate { per_s: 1, burst: 2 });
        let len = || counter.buckets.lock().unwrap().all.len();
        for caller in 0..CALLERS_MAX {
            assert!(counter.take(&caller, at(0)));
        }
        assert!(counter.take(&CALLERS_MAX, at(0)) && counter.take(&(CALLERS_MAX + 1), at(0)));
        assert!(!counter.take(&(CALLERS_MAX + 2), at(0)), "the shared place is used up");
        assert!(counter.take(&1, at(0)), "who has a place keeps it");
        assert_eq!(len(), CALLERS_MAX + 1);
        assert!(counter.take(&(CALLERS_MAX + 2), at(2)));
        assert_eq!(len(), 1, "who could do everything again is forgotten");
    }

    fn gate(proxies: &str) -> Gate {
        gate_with(&[("SAOMA_TRUSTED_PROXIES", proxies)].into_iter().collect())
    }

    fn gate_with(env: &Env) -> Gate {
        let text = "listen = \"127.0.0.1:0\"\ndatabase = \"sqlite:x\"\n[merchant]\nname = \"x\"\n\
                    mch_id = \"1\"\napp_id = \"wx1\"\nkey = \"0123456789abcdef0123456789abcdef\"\n\
                    [shop]\n";
        Gate::new(&Config::parse(text, Path::new(""), env).unwrap())
    }

    #[test]
    fn a_devices_key_has_a_small_limit_which_is_no_larger_than_a_shops() {
        let taken = |gate: &Gate, is_device, now| {
            (0..10_000).filter(|_| gate.key(&[1; 32], is_device, now).is_ok()).count()
        };
        let as_it_is = gate("127.0.0.1");
        assert_eq!((taken(&as_it_is, true, at(0)), taken(&as_it_is, false, at(0))), (50, 5_000));
        assert_eq!((taken(&as_it_is, true, at(1)), taken(&as_it_is, false, at(1))), (5, 1_000));
        let limits = [("SAOMA_LIMITS_KEY_PER_S", "2"), ("SAOMA_LIMITS_KEY_BURST", "3")];
        let slow = gate_with(&limits.into_iter().collect());
        assert_eq!((taken(&slow, true, at(0)), taken(&slow, true, at(1))), (3, 2));
    }

    fn call(peer: &str, forwarded: Option<&str>) -> (Extensions, HeaderMap) {
        let (mut extensions, mut headers) = (Extensions::new(), HeaderMap::new());
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        if let Some(forwarded) = forwarded {
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        }
        (extensions, headers)
    }

    #[test]
    fn logins_are_counted_by_address_unless_a_proxy_that_nobody_named_hides_it() {
        for (peer, forwarded, client, is_shared) in [
            ("192.168.0.7", Some("1.1.1.1"), "192.168.0.7", true),
            ("192.168.0.7", None, "192.168.0.7", false),
            ("203.0.113.9", Some("1.1.1.1"), "203.0.113.9", false),
            ("10.0.0.1", Some("1.1.1.1"), "1.1.1.1", false),
        ] {
            let limits = [
                ("SAOMA_TRUSTED_PROXIES", "10.0.0.0/8"),
                ("SAOMA_LIMITS_ADDRESS_PER_S", "1"),
                ("SAOMA_LIMITS_ADDRESS_BURST", "2"),
            ];
            let gate = gate_with(&limits.into_iter().collect());
            let (extensions, headers) = call(peer, forwarded);
            let logins: Vec<Origin> =
                (0..5).filter_map(|_| gate.login(&extensions, &headers, at(0))).collect();
            let address = client.parse().unwrap();
            let expected = vec![Origin { address, is_shared }; if is_shared { 5 } else { 2 }];
            assert_eq!(logins, expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn only_trusted_proxies_say_who_the_client_is() {
        let gate = gate("127.0.0.1,10.0.0.0/8,fd00::/8");
        for (peer, forwarded, client) in [
            ("203.0.113.9", "1.1.1.1", "203.0.113.9"),
            ("127.0.0.1", "1.1.1.1", "1.1.1.1"),
            ("::ffff:127.0.0.1", "1.1.1.1", "1.1.1.1"),
            ("127.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),
            ("127.0.0.1", "6.6.6.6,1.1.1.1 , 10.1.2.3", "1.1.1.1"),
            ("127.0.0.1", "1.1.1.1:4711", "1.1.1.1"),
            ("fd00::1", "[2001:db8::1]:80", "2001:db8::1"),
            ("127.0.0.1", "1.1.1.1, nonsense", "127.0.0.1"),
            ("127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
            ("127.0.0.1", "", "127.0.0.1"),
        ] {
            let (extensions, headers) = call(peer, Some(forwarded));
            let expected: IpAddr = client.parse().unwrap();
            assert_eq!(gate.client(&extensions, &headers), expected, "{peer} {forwarded}");
        }
    }

    #[test]
    fn a_proxy_nearby_that_nobody_named_is_told_of_once() {
        for (caller, expected) in [
            ("127.0.0.1", [true, false]),
            ("::ffff:192.168.0.7", [true, false]),
            ("fd00::1", [true, false]),
            ("10.1.2.3", [false, false]),
            ("203.0.113.9", [false, false]),
            ("2001:db8::1", [false, false]),
        ] {
            let (gate, caller): (_, IpAddr) = (gate("10.0.0.0/8"), caller.parse().unwrap());
            assert_eq!([gate.is_news(caller), gate.is_news(caller)], expected, "{caller}");
        }
    }

    #[test]
    fn what_is_near_is_on_no_road_of_the_internets() {
        let is_near = |address: &str| is_near(address.parse().unwrap());
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.7",
            "100.64.0.1",
            "100.127.255.254",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "febf::1",
            "::ffff:100.64.0.1",
        ] {
            assert!(is_near(near), "{near}");
        }
        for far in ["100.63.255.255", "100.128.0.0", "169.253.0.1", "2001:db8::1", "fec0::1"] {
            assert!(!is_near(far), "{far}");
        }
    }

    #[test]
    fn only_so_many_pages_of_an_address_follow_at_once_and_nothing_is_kept_of_who_has_gone() {
        let limits = [("SAOMA_LIMITS_ADDRESS_FOLLOWERS", "2")];
        let gate = gate_with(&limits.into_iter().collect());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (one, other) = (address("2001:db8::1"), address("203.0.113.1"));
        let follow = |address| gate.follow(FollowedBy::Page(address));
        let first = follow(one).unwrap();
        let second = follow(address("2001:db8::2")).unwrap();
        assert!(follow(one).is_err(), "a network is one");
        let elsewhere = follow(other).unwrap();
        drop(first);
        let third = follow(one).unwrap();
        assert!(follow(one).is_err());
        drop((second, third, elsewhere));
        assert_eq!(gate.followers.open().len(), 0);
    }

    #[test]
    fn only_so_many_follow_with_one_devices_key_at_once_and_no_other_device_is_held_up_by_that() {
        let gate = gate("127.0.0.1");
        let follow = |digest| gate.follow(FollowedBy::Device([digest; 32]));
        let mut open: Vec<Following> = (0..DEVICE_FOLLOWERS).map(|_| follow(1).unwrap()).collect();
        assert!(follow(1).is_err());
        assert!(follow(2).is_ok() && gate.follow(FollowedBy::Page([0_u8; 4].into())).is_ok());
        open.pop();
        assert!(follow(1).is_ok());
        drop(open);
        assert_eq!(gate.followers.open().len(), 0);
    }

    #[test]
    fn a_client_of_ipv6_is_its_network() {
        let [a, b, c] = ["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8:0:1::1"]
            .map(|address| counted(address.parse().unwrap()));
        assert!(a == b && a != c);
    }

    #[tokio::test]
    async fn an_address_of_bad_messages_has_to_queue_and_nobody_else() {
        let gate = gate("127.0.0.1");
        let [bad, good] = [[203, 0, 113, 1], [203, 0, 113, 2]].map(IpAddr::from);
        for _ in 0..REFUSED.burst {
            assert!(gate.notice(bad, at(0)).await.is_none());
            gate.refused(bad, at(0));
        }
        let mut permits = Vec::new();
        for _ in 0..SUSPECTED_AT_ONCE {
            permits.push(gate.notice(bad, at(0)).await.expect("it has to queue"));
        }
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, gate.notice(bad, at(0))).await.is_err());
        assert!(gate.notice(good, at(0)).await.is_none(), "others pass");
        permits.pop();
        assert!(gate.notice(bad, at(0)).await.is_some(), "the next in the queue");
        assert!(gate.notice(bad, at(1)).await.is_none(), "and it is forgiven in time");
    }
}
