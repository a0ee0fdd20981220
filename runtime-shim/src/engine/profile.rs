//! [`Profile`]: where a guest spends its time, by looking at its calls at regular intervals.

use core::time::Duration;
use std::{collections::HashMap, time::Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// Most samples that are kept: more than an hour at one a millisecond.
const MAX_SAMPLES: usize = 1 << 22;

/// Most different stacks that are told apart. What comes after is counted to its nearest known caller.
const MAX_NODES: usize = 1 << 18;

/// The samples of a run, or of several, one after the other. Shared between a [`Runner`](crate::Runner) and whoever
/// reads it.
///
/// A guest is looked at when it enters a function or goes around a loop. Time in system calls counts for the caller.
#[derive(Debug)]
pub struct Profile {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    begun: Option<Instant>,
    /// A tree of calls; the first is the root, and each comes after its caller.
    nodes: Vec<Node>,
    /// By caller and function.
    index: HashMap<(u32, u32), u32>,
    /// When, and in which node.
    samples: Vec<(Duration, u32)>,
}

#[derive(Debug)]
struct Node {
    name: String,
    children: Vec<u32>,
    hits: u64,
}

/// One call in a sample.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Index in the module's function space.
    pub function: u32,
    /// The function's symbol, if it has one.
    pub symbol: Option<&'a str>,
}

impl Profile {
    /// An empty profile. The guest is looked at once in every `interval`, at most 1000 times a second.
    pub fn new(interval: Duration) -> Profile {
        let root = Node { name: "(root)".to_owned(), children: Vec::new(), hits: 0 };
        let state = State { begun: None, nodes: vec![root], index: HashMap::new(), samples: Vec::new() };
        Profile { interval: interval.max(Duration::from_millis(1)), state: Mutex::new(state) }
    }

    /// How often the guest is to be looked at.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.state.lock().samples.len()
    }

    /// For engines: a guest begins to run.
    pub fn begin(&self) {
        self.state.lock().begun.get_or_insert_with(Instant::now);
    }

    /// For engines: adds a sample, outermost call first.
    pub fn add<'a>(&self, calls: impl IntoIterator<Item = Call<'a>>) {
        let state = &mut *self.state.lock();
        if state.samples.len() >= MAX_SAMPLES {
            return;
        }
        let at = state.begun.get_or_insert_with(Instant::now).elapsed();
        let mut node = 0;
        for call in calls {
            node = match state.index.get(&(node, call.function)) {
                Some(known) => *known,
                None if state.nodes.len() >= MAX_NODES => break,
                None => state.add_node(node, call),
            };
        }
        state.nodes[node as usize].hits += 1;
        state.samples.push((at, node));
    }

    /// As JSON in the format of Chrome's `.cpuprofile`, for the viewers of that format.
    /// Times are in microseconds since the beginning.
    pub fn to_json(&self) -> String {
        let state = self.state.lock();
        let nodes: Vec<Value> = state.nodes.iter().enumerate().map(|(at, node)| node.to_json(at)).collect();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut last = 0;
        let mut deltas = Vec::with_capacity(state.samples.len());
        for (at, _) in &state.samples {
            deltas.push(micros(*at) - last);
            last = micros(*at);
        }
        let samples: Vec<u32> = state.samples.iter().map(|(_, node)| node + 1).collect();
        json!({ "nodes": nodes, "startTime": 0, "endTime": last, "samples": samples, "timeDeltas": deltas }).to_string()
    }
}

impl State {
    fn add_node(&mut self, caller: u32, call: Call<'_>) -> u32 {
        // There are fewer than MAX_NODES.
        let new = self.nodes.len() as u32;
        let name = match call.symbol {
            Some(symbol) => super::demangle(symbol),
            None => format!("<wasm function {}>", call.function),
        };
        self.nodes.push(Node { name, children: Vec::new(), hits: 0 });
        self.nodes[caller as usize].children.push(new);
        self.index.insert((caller, call.function), new);
        new
    }
}

impl Node {
    /// Numbers begin at 1 in this format.
    fn to_json(&self, at: usize) -> Value {
        let children: Vec<u32> = self.children.iter().map(|child| child + 1).collect();
        let frame = json!({
            "functionName": self.name, "scriptId": "0", "url": "", "lineNumber": -1, "columnNumber": -1,
        });
        json!({ "id": at + 1, "callFrame": frame, "hitCount": self.hits, "children": children })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_a_tree() {
        let profile = Profile::new(Duration::ZERO);
        assert_eq!(profile.interval(), Duration::from_millis(1));
        let call = |function, symbol| Call { function, symbol };
        profile.begin();
        profile.add([call(1, Some("main")), call(2, Some("_Z3addii"))]);
        profile.add([call(1, Some("main"))]);
        profile.add([call(1, Some("main")), call(2, Some("_Z3addii")), call(3, None)]);
        profile.add([call(1, Some("main")), call(2, Some("_Z3addii"))]);
        assert_eq!(profile.samples(), 4);
        let json: Value = serde_json::from_str(&profile.to_json()).unwrap();
        let names: Vec<_> = (0..4).map(|i| json["nodes"][i]["callFrame"]["functionName"].clone()).collect();
        assert_eq!(names, ["(root)", "main", "add(int, int)", "<wasm function 3>"]);
        assert_eq!(json["nodes"][2]["children"], json!([4]));
        assert_eq!(json["nodes"][2]["hitCount"], 2);
        assert_eq!(json["samples"], json!([3, 2, 4, 3]));
        let total: u64 = json["timeDeltas"].as_array().unwrap().iter().map(|delta| delta.as_u64().unwrap()).sum();
        assert_eq!(json["endTime"], total);
    }
}
