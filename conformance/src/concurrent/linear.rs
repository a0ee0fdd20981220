//! [`linearize`]: the search for an order of what threads did, in which it makes sense.

use core::fmt;
use std::collections::HashSet;

use super::{Event, Looks};
use crate::model::Model;

/// There is no order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Impossible {
    /// The longest beginning of an order that made sense, as indexes of events.
    pub order: Vec<usize>,
    /// What the model allowed instead of each event that could have come next; or that the trees differ.
    pub then: Vec<String>,
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no order makes sense; the best one begins with {:?}", self.order)?;
        self.then.iter().try_for_each(|then| write!(f, "\n  then {then}"))
    }
}

/// Looks for an order of `events`, none of which was answered before one that comes later in it was called, in which
/// `start` answers as was observed, and has this tree in the end. Answers it as indexes.
///
/// What has been [seen half done](Looks::Torn) is only asked for its kind of answer.
///
/// What has been tried is remembered by the set of events that were done and the model after them (J. Wing, C. Gong,
/// "Testing and verifying concurrent objects", 1993; G. Lowe, "Testing for linearizability", 2016).
///
/// # Errors
/// That there is none.
///
/// # Panics
/// If there are more than 64 events.
pub fn linearize(start: &Model, events: &[Event], tree: &str, looks: Looks) -> Result<Vec<usize>, Impossible> {
    assert!(events.len() <= 64, "a set of events is one word");
    let torn = events.iter().map(|event| looks == Looks::Torn && may_be_torn(event, events)).collect();
    let best = Impossible { order: vec![], then: vec![] };
    let mut search = Search { events, torn, tree, tried: HashSet::new(), order: vec![], best };
    if search.go_on(start, 0) { Ok(search.order) } else { Err(search.best) }
}

/// Whether this looks at contents or attributes, while another thread does something else than look.
fn may_be_torn(event: &Event, events: &[Event]) -> bool {
    let meanwhile = |other: &Event| other.called < event.answered && event.called < other.answered;
    event.op.looks() && events.iter().any(|other| other != event && meanwhile(other) && !other.op.looks())
}

struct Search<'h> {
    events: &'h [Event],
    /// Which of them may have seen a change half done.
    torn: Vec<bool>,
    tree: &'h str,
    tried: HashSet<(u64, Model)>,
    order: Vec<usize>,
    best: Impossible,
}

impl Search<'_> {
    /// Whether the events that are not in `done` can follow, from this model on.
    fn go_on(&mut self, model: &Model, done: u64) -> bool {
        if self.order.len() == self.events.len() {
            let is = model.tree();
            if is == self.tree {
                return true;
            }
            self.stuck(format!("the tree is\n{}instead of\n{is}", self.tree));
            return false;
        }
        if !self.tried.insert((done, model.clone())) {
            return false;
        }
        let open = |i: &usize| done & (1 << i) == 0;
        // Whatever is called after this has been answered must come later.
        let first = (0..self.events.len()).filter(open).map(|i| self.events[i].answered).min();
        let events = self.events;
        for (i, event) in events.iter().enumerate() {
            if !open(&i) || first.is_some_and(|first| event.called > first) {
                continue;
            }
            let mut next = model.clone();
            let accepted = match self.torn[i] {
                false => next.accept(&event.op, &event.answer),
                true => next.accept_torn(&event.op, &event.answer),
            };
            match accepted {
                Ok(()) => {
                    self.order.push(i);
                    if self.go_on(&next, done | 1 << i) {
                        return true;
                    }
                    self.order.pop();
                }
                Err(allowed) => self.stuck(format!("{i} ({}) must answer {allowed}", event.op)),
            }
        }
        false
    }

    fn stuck(&mut self, why: String) {
        if self.order.len() > self.best.order.len() {
            self.best = Impossible { order: self.order.clone(), then: vec![] };
        }
        if self.order == self.best.order {
            self.best.then.push(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use gangplank_vfs::FsCaps;

    use super::*;
    use crate::differential::{Rules, Script};

    fn model() -> Model {
        Model::new(Rules { caps: FsCaps::all(), rooted: false })
    }

    /// Events as (called, answered, line, answer).
    fn events(of: &[(u64, u64, &str, &str)]) -> Vec<Event> {
        let event = |&(called, answered, line, answer): &(u64, u64, &str, &str)| {
            let op = line.parse::<Script>().unwrap().0.remove(0);
            Event { thread: 0, op, answer: answer.to_owned(), called, answered }
        };
        of.iter().map(event).collect()
    }

    fn order(seen: &[Event], tree: &str) -> Result<Vec<usize>, Impossible> {
        linearize(&model(), seen, tree, Looks::Whole)
    }

    #[test]
    fn what_overlaps_may_have_happened_in_any_order() {
        let seen = events(&[(0, 3, "mkdir a", "ok"), (1, 2, "lstat a", "NOENT")]);
        assert_eq!(order(&seen, "a/\n"), Ok(vec![1, 0]));
        let seen = events(&[(0, 3, "mkdir a", "ok"), (1, 2, "lstat a", "dir 755 2 links now")]);
        assert_eq!(order(&seen, "a/\n"), Ok(vec![0, 1]));
    }

    #[test]
    fn what_was_answered_before_the_call_comes_before() {
        let seen = events(&[(0, 1, "mkdir a", "ok"), (2, 3, "lstat a", "NOENT")]);
        let wrong = order(&seen, "a/\n").unwrap_err();
        assert_eq!(wrong.order, [0]);
        assert!(wrong.to_string().contains("1 (lstat a) must answer dir 755"), "{wrong}");
    }

    #[test]
    fn two_winners_are_impossible() {
        let seen = events(&[(0, 2, "mkdir a", "ok"), (1, 3, "mkdir a", "ok")]);
        assert!(order(&seen, "a/\n").is_err());
        let seen = events(&[(0, 2, "mkdir a", "ok"), (1, 3, "mkdir a", "EXIST")]);
        assert_eq!(order(&seen, "a/\n"), Ok(vec![0, 1]));
    }

    #[test]
    fn the_tree_decides_where_answers_do_not() {
        let seen = events(&[(0, 2, "put a x", "1"), (1, 3, "put a yy", "2")]);
        assert_eq!(order(&seen, "a = \"x\" (1 links)\n"), Ok(vec![1, 0]));
        assert!(order(&seen, "a = \"xy\" (1 links)\n").is_err());
    }

    /// What a kernel does: the length is what it was, or the contents are not all there yet.
    #[test]
    fn a_torn_look_is_believed_where_it_is_allowed() {
        let begin = |model: &mut Model| {
            for op in "put a xy\nopen 0 a rw".parse::<Script>().unwrap().0 {
                model.answer(&op);
            }
        };
        let mut start = model();
        begin(&mut start);
        let tree = "a = \"hello\" (1 links)\n";
        let judge = |seen: &[Event], looks| linearize(&start, seen, tree, looks).is_ok();
        let half = events(&[(0, 3, "pwrite 0 0 hello", "5"), (1, 2, "pread 0 0", "\"he\"")]);
        assert!(!judge(&half, Looks::Whole));
        assert!(judge(&half, Looks::Torn));
        // Not one that was alone, nor one that answers something else.
        let alone = events(&[(0, 1, "pwrite 0 0 hello", "5"), (2, 3, "pread 0 0", "\"he\"")]);
        assert!(!judge(&alone, Looks::Torn));
        let refused = events(&[(0, 3, "pwrite 0 0 hello", "5"), (1, 2, "pread 0 0", "IO")]);
        assert!(!judge(&refused, Looks::Torn));
        // The next one goes on where that one stopped.
        let next = |answer| {
            events(&[(0, 3, "pwrite 0 0 hello", "5"), (1, 2, "fread 0 5", "\"hel\""), (4, 5, "fread 0 5", answer)])
        };
        assert!(judge(&next("\"lo\""), Looks::Torn));
        assert!(!judge(&next("\"\""), Looks::Torn));
        assert!(!judge(&next("\"l\""), Looks::Torn));
    }
}
