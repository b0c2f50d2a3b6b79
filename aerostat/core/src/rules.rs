//! The rules of naming, as pure functions: no clock, no I/O, no store.
//!
//! | rule | where it stands |
//! |---|---|
//! | 1. names are labels of RFC 1123 in lower case | [`Hostname`](crate::Hostname), [`Service`], [`Alias`] can't be made otherwise |
//! | 2. a name has one holder, an instance one name | every [`NameStore`](crate::NameStore) step |
//! | 3. claiming twice is harmless | [`Taken::Held`](crate::Taken::Held), [`Registrar::claim`](crate::Registrar::claim) |
//! | 4. the lowest free slot, and no number left out | [`fresh_slots`], [`NameStore::take`](crate::NameStore::take) |
//! | 5. the master first, then the lowest slave | [`Slot`]: the master is number 0 |
//! | 6. a hostname of another service is skipped | [`Registrar::claim`](crate::Registrar::claim) |
//! | 7. a service keeps its kind | [`Taken::KindDiffers`](crate::Taken::KindDiffers) |
//! | 8. change-over | [`change_over`] |
//! | 9. aliases | [`distinct_aliases`], [`Registrar::claim`](crate::Registrar::claim) |
//! | 10. vacating names the holder | [`vacate`], [`NameStore::exchange`](crate::NameStore::exchange) |

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};
use crate::instance::InstanceId;
use crate::names::{Alias, Service};
use crate::slot::{Kind, Slot};
use crate::store::Transfer;
use crate::table::{Entry, Node};

/// The most aliases that a node may have. A line of `/etc/hosts` with more is read by nobody in good time.
pub const MAX_ALIASES: usize = 256;

/// The `count` slots that follow the highest one of a service; the first slots if it has none. Fewer, but at
/// least one, if the hostnames become too long.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] if not even one slot can follow.
pub fn fresh_slots(service: &Service, kind: Kind, last: Option<&Slot>, count: usize) -> Result<Vec<Slot>> {
    let first = match last {
        Some(last) => last.next()?,
        None => Slot::first(service.clone(), kind)?,
    };
    let following = std::iter::successors(Some(first), |slot| slot.next().ok());
    Ok(following.take(count.max(1)).collect())
}

/// Each alias once, in the order given.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] if there are more than [`MAX_ALIASES`].
pub fn distinct_aliases(aliases: impl IntoIterator<Item = Alias>) -> Result<Vec<Alias>> {
    let mut seen = HashSet::new();
    let distinct: Vec<Alias> =
        aliases.into_iter().filter(|alias| seen.insert(alias.clone())).take(MAX_ALIASES + 1).collect();
    if distinct.len() > MAX_ALIASES {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("too many aliases: a machine may have at most {MAX_ALIASES}"),
        ));
    }
    Ok(distinct)
}

/// The transfers by which `challenger` becomes the master of its service.
///
/// The master before it takes the lowest free slave slot, the challenger's old one counting as free. With no
/// master, the challenger's old slot becomes a gap. No other node moves. Empty if the challenger is the master
/// already.
///
/// `master` is the row of the service's master slot, and `lowest_vacancy` the lowest vacancy of the service. If
/// they were read one after the other, that vacancy may be the master slot itself: it is passed over, and the
/// exchange finds that the master has gone.
#[must_use]
pub fn change_over(master: &Entry, challenger: &Node, lowest_vacancy: Option<&Slot>) -> Vec<Transfer> {
    let old_slot = &challenger.slot;
    let new_master = Some(challenger.instance().clone());
    if old_slot == master.slot() {
        return Vec::new();
    }
    let promote =
        Transfer { slot: master.slot().clone(), seen: master.instance().cloned(), next: new_master.clone() };
    let leave = |next| Transfer { slot: old_slot.clone(), seen: new_master.clone(), next };
    let Some(old_master) = master.instance() else {
        return vec![promote, leave(None)];
    };
    match lowest_vacancy {
        Some(vacancy) if vacancy < old_slot && vacancy != master.slot() => vec![
            promote,
            leave(None),
            Transfer { slot: vacancy.clone(), seen: None, next: Some(old_master.clone()) },
        ],
        _ => vec![promote, leave(Some(old_master.clone()))],
    }
}

/// The transfer that makes a slot a gap, if that instance still holds it.
#[must_use]
pub fn vacate(slot: &Slot, holder: &InstanceId) -> Transfer {
    Transfer { slot: slot.clone(), seen: Some(holder.clone()), next: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Addresses;
    use crate::table::{Occupant, Vacancy};
    use crate::time::Timestamp;

    fn db(number: u32) -> Slot {
        Slot::new(Service::parse("db").unwrap(), Kind::Masterful, number).unwrap()
    }

    fn id(name: &str) -> InstanceId {
        InstanceId::parse(name).unwrap()
    }

    fn node(number: u32, instance: &str) -> Node {
        let occupant = Occupant { instance: id(instance), addresses: Addresses::default(), aliases: vec![] };
        Node { slot: db(number), occupant, since: Timestamp(0) }
    }

    fn moved(transfers: &[Transfer]) -> Vec<String> {
        let name = |who: &Option<InstanceId>| who.as_ref().map_or("-".to_owned(), ToString::to_string);
        transfers.iter().map(|t| format!("{}: {}>{}", t.slot, name(&t.seen), name(&t.next))).collect()
    }

    #[test]
    fn a_master_that_left_while_the_vacancies_were_read_is_no_vacancy_for_itself() {
        let transfers = change_over(&Entry::Node(node(0, "a")), &node(2, "b"), Some(&db(0)));
        assert_eq!(moved(&transfers), ["db-master: a>b", "db-slave-2: b>a"]);
        assert!(Transfer::check_all(&transfers).is_ok());
    }

    #[test]
    fn the_old_master_takes_the_challengers_slot_if_no_lower_one_is_free() {
        let transfers = change_over(&Entry::Node(node(0, "a")), &node(2, "b"), Some(&db(3)));
        assert_eq!(moved(&transfers), ["db-master: a>b", "db-slave-2: b>a"]);
    }

    #[test]
    fn the_old_master_takes_the_lowest_gap() {
        let transfers = change_over(&Entry::Node(node(0, "a")), &node(2, "b"), Some(&db(1)));
        assert_eq!(moved(&transfers), ["db-master: a>b", "db-slave-2: b>-", "db-slave-1: ->a"]);
    }

    #[test]
    fn without_a_master_the_challengers_slot_becomes_a_gap() {
        let vacant = Entry::Vacancy(Vacancy { slot: db(0), held_before: true });
        let transfers = change_over(&vacant, &node(2, "b"), Some(&db(0)));
        assert_eq!(moved(&transfers), ["db-master: ->b", "db-slave-2: b>-"]);
    }

    #[test]
    fn a_master_that_challenges_itself_moves_nobody() {
        assert_eq!(change_over(&Entry::Node(node(0, "a")), &node(0, "a"), Some(&db(1))), []);
    }

    #[test]
    fn fresh_slots_follow_the_last_and_stop_where_names_become_too_long() {
        let web = Service::parse("web").unwrap();
        let names = |slots: Vec<Slot>| slots.iter().map(ToString::to_string).collect::<Vec<_>>();
        let first = fresh_slots(&web, Kind::Iterative, None, 2).unwrap();
        assert_eq!(names(first.clone()), ["web-0", "web-1"]);
        assert_eq!(names(fresh_slots(&web, Kind::Iterative, first.last(), 1).unwrap()), ["web-2"]);
        assert_eq!(names(fresh_slots(&web, Kind::Iterative, None, 0).unwrap()), ["web-0"]);
        let long = Service::parse(&"a".repeat(61)).unwrap();
        let last = Slot::new(long.clone(), Kind::Iterative, 7).unwrap();
        assert_eq!(fresh_slots(&long, Kind::Iterative, Some(&last), 5).unwrap().len(), 2);
        let last = Slot::new(long.clone(), Kind::Iterative, 9).unwrap();
        assert!(fresh_slots(&long, Kind::Iterative, Some(&last), 5).is_err());
    }

    #[test]
    fn aliases_are_kept_once_and_their_number_is_limited() {
        let alias = |n: usize| Alias::parse(&format!("a{n}")).unwrap();
        let aliases = distinct_aliases([alias(2), alias(1), alias(2)]).unwrap();
        assert_eq!(aliases, [alias(2), alias(1)]);
        assert!(distinct_aliases((0..MAX_ALIASES).map(alias)).is_ok());
        assert!(distinct_aliases((0..=MAX_ALIASES).map(alias)).is_err());
    }
}
