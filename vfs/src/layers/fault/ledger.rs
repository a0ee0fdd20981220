//! [`Ledger`]: what has been handed out, and not been given back.

use std::{collections::BTreeMap, sync::Arc};

use crate::{NodeId, sync::Mutex};

/// The references and open files that those above a [`FaultFs`](super::FaultFs) hold.
///
/// References to the root are counted like all others, though nobody needs one. Whoever takes one must give it back.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Held>>);

/// What is held. Nothing, if everything has been given back, and nothing twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// References by node. Where more were given back than taken the number is negative.
    pub references: BTreeMap<NodeId, i64>,
    /// Open files, by node.
    pub open: BTreeMap<NodeId, u64>,
}

impl Held {
    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.references.is_empty() && self.open.is_empty()
    }
}

impl Ledger {
    /// What is held now.
    pub fn held(&self) -> Held {
        self.0.lock().clone()
    }

    pub(super) fn took(&self, node: NodeId) {
        self.add(node, 1);
    }

    pub(super) fn gave(&self, node: NodeId, n: u64) {
        self.add(node, -i64::try_from(n).unwrap_or(i64::MAX));
    }

    fn add(&self, node: NodeId, n: i64) {
        let mut held = self.0.lock();
        let count = held.references.entry(node).or_insert(0);
        *count = count.saturating_add(n);
        if *count == 0 {
            held.references.remove(&node);
        }
    }

    pub(super) fn opened(&self, node: NodeId) {
        *self.0.lock().open.entry(node).or_insert(0) += 1;
    }

    pub(super) fn closed(&self, node: NodeId) {
        let mut held = self.0.lock();
        let count = held.open.entry(node).or_insert(1);
        *count -= 1;
        if *count == 0 {
            held.open.remove(&node);
        }
    }
}
