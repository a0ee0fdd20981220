//! Where a guest's function lowers the meter, by how much, and where it keeps it meanwhile.
//!
//! The meter is a global variable. To lower it takes a load and a store, one after the other at each turn of a loop,
//! which is more than the tightest loops do. So a function with a loop in which nothing is called has the meter in a
//! local variable, which is a register: it takes it over when it begins and after each call, and gives it back before
//! whatever leaves it, for however long. One that can catch exceptions does not: where it goes on then, it may come
//! from a call or not.

use wasm_encoder::{BlockType, Function, Instruction};
use wasmparser::{FunctionBody, Operator};

use super::rewrite::Meter;

/// Most local variables that engines accept in a function, parameters included.
const MOST_LOCALS: u32 = 50_000;

/// How a function is metered.
pub(super) struct Plan {
    /// The instructions of the function outside of its loops, then of each loop outside of those in it, in the order in
    /// which they begin; `None` where they need not be measured.
    costs: std::vec::IntoIter<Option<u32>>,
    /// The global variable.
    global: u32,
    /// The local variable that stands for it.
    local: Option<u32>,
    /// The function that fills it up.
    refill: u32,
}

impl Plan {
    /// How the meter, which is this global variable, is lowered in a function; `refill` is the import that fills it up.
    /// `locals` tells how many local variables the function has, with its parameters.
    pub(super) fn new(
        meter: Meter,
        body: &FunctionBody<'_>,
        global: u32,
        locals: u32,
        refill: u32,
    ) -> wasmparser::Result<Plan> {
        if meter == Meter::None {
            return Ok(Plan { costs: Vec::new().into_iter(), global, local: None, refill });
        }
        let mut all = vec![Part::default()];
        // Of the function and of each block: whose instructions these are.
        let mut blocks = vec![0];
        let (mut calls, mut catches) = (false, false);
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let whose = blocks.last().copied().unwrap_or(0);
            let part = &mut all[whose];
            part.cost = part.cost.saturating_add(1).min(i32::MAX.cast_unsigned());
            match operator {
                Operator::Loop { .. } => {
                    all.push(Part { cost: 1, calls: false });
                    blocks.push(all.len() - 1);
                }
                Operator::Block { .. } | Operator::If { .. } => blocks.push(whose),
                Operator::TryTable { .. } | Operator::Try { .. } => {
                    catches = true;
                    blocks.push(whose);
                }
                Operator::End | Operator::Delegate { .. } => {
                    // What is called in a loop is called in those around it.
                    if let Some(ended) = blocks.pop()
                        && let Some(&outer) = blocks.last()
                    {
                        all[outer].calls |= all[ended].calls;
                    }
                }
                _ if goes(&operator).is_some_and(|goes| goes.is_call()) => {
                    calls = true;
                    all[whose].calls = true;
                }
                _ => {}
            }
        }
        let room = locals < MOST_LOCALS;
        let tight = all.iter().skip(1).any(|part| !part.calls);
        let mut costs: Vec<_> = all.iter().map(|part| Some(part.cost)).collect();
        if meter == Meter::Interrupt && !calls {
            // Outside of its loops it soon ends, and recursion needs calls.
            costs[0] = None;
        }
        Ok(Plan { costs: costs.into_iter(), global, local: (room && tight && !catches).then_some(locals), refill })
    }

    /// Whether the function needs one more local variable, an `i32`.
    pub(super) fn wants_local(&self) -> bool {
        self.local.is_some()
    }

    /// Where the function begins.
    pub(super) fn begin(&mut self, function: &mut Function) {
        self.take(function);
        self.charge(function);
    }

    /// Before an instruction, with as many blocks around it.
    pub(super) fn before(&self, function: &mut Function, operator: &Operator<'_>, depth: u32) {
        if goes(operator).is_some_and(|goes| goes.leaves(depth)) || matches!(operator, Operator::End if depth == 0) {
            self.give(function);
        }
    }

    /// After it.
    pub(super) fn after(&mut self, function: &mut Function, operator: &Operator<'_>) {
        match operator {
            Operator::Loop { .. } => self.charge(function),
            operator if goes(operator).is_some_and(|goes| matches!(goes, Goes::Calls)) => self.take(function),
            _ => {}
        }
    }

    fn take(&self, function: &mut Function) {
        if let Some(local) = self.local {
            function.instruction(&Instruction::GlobalGet(self.global)).instruction(&Instruction::LocalSet(local));
        }
    }

    fn give(&self, function: &mut Function) {
        if let Some(local) = self.local {
            function.instruction(&Instruction::LocalGet(local)).instruction(&Instruction::GlobalSet(self.global));
        }
    }

    /// Lowers the meter by what comes next.
    fn charge(&mut self, function: &mut Function) {
        let Some(cost) = self.costs.next().flatten() else { return };
        let [get, set] = match self.local {
            Some(local) => [Instruction::LocalGet(local), Instruction::LocalSet(local)],
            None => [Instruction::GlobalGet(self.global), Instruction::GlobalSet(self.global)],
        };
        for instruction in [
            &get,
            &Instruction::I32Const(cost.cast_signed()),
            &Instruction::I32Sub,
            &set,
            &get,
            &Instruction::I32Const(0),
            &Instruction::I32LtS,
            &Instruction::If(BlockType::Empty),
            &get,
            &Instruction::Call(self.refill),
            &set,
            &Instruction::End,
        ] {
            function.instruction(instruction);
        }
    }
}

/// A function outside of its loops, or a loop outside of those in it.
#[derive(Default)]
struct Part {
    cost: u32,
    /// Whether something is called there, or in a loop in it.
    calls: bool,
}

/// Where an instruction goes, if not to the next one.
enum Goes {
    /// To another function, and comes back.
    Calls,
    /// To another function, or to whoever catches, and does not.
    Leaves,
    /// To a block, this many out at most.
    Branches(u32),
}

impl Goes {
    fn is_call(&self) -> bool {
        matches!(self, Goes::Calls | Goes::Leaves)
    }

    /// Whether it may leave a function in which this many blocks are around it.
    fn leaves(&self, depth: u32) -> bool {
        match self {
            Goes::Calls | Goes::Leaves => true,
            // The label that is outside of all blocks is the function's.
            Goes::Branches(to) => *to >= depth,
        }
    }
}

/// What validation lets through: neither descriptors nor stack switching are among it.
fn goes(operator: &Operator<'_>) -> Option<Goes> {
    Some(match operator {
        Operator::Call { .. } | Operator::CallIndirect { .. } | Operator::CallRef { .. } => Goes::Calls,
        Operator::ReturnCall { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::ReturnCallRef { .. }
        | Operator::Throw { .. }
        | Operator::ThrowRef
        | Operator::Rethrow { .. }
        | Operator::Return => Goes::Leaves,
        Operator::Br { relative_depth }
        | Operator::BrIf { relative_depth }
        | Operator::BrOnNull { relative_depth }
        | Operator::BrOnNonNull { relative_depth }
        | Operator::BrOnCast { relative_depth, .. }
        | Operator::BrOnCastFail { relative_depth, .. } => Goes::Branches(*relative_depth),
        Operator::BrTable { targets } => {
            let others = targets.targets().filter_map(Result::ok);
            Goes::Branches(others.chain([targets.default()]).max().unwrap_or(0))
        }
        _ => return None,
    })
}
