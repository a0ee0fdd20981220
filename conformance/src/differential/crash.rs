//! What `kill -9` leaves behind: a process runs a script on an overlay of directories of the host and is killed at a
//! moment that nobody chose. Opened again, by us and by the kernel, the tree must be what it was after the last line
//! that was finished, or after the one that was under way: never anything in between.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use gangplank_vfs::{FileSystem as _, FsCaps};

use super::{
    Op, Rng, Rules, Run as _, Script, kernel,
    overlay::{Flat, HostStack},
    powercut::without_counts,
    step::Env,
};
use crate::{
    Made, World,
    layers::{self, Item, Layer},
};

/// Name of the environment variable that tells the process what to do.
const TASK: &str = "GANGPLANK_CRASH";

/// How much one file below has: so much that copying it takes its time.
const BIG: usize = 1 << 20;

fn rules(trusted: bool, caps: FsCaps) -> Rules {
    Rules { caps: caps - FsCaps::DIR_NLINK - FsCaps::SNAPSHOT, rooted: trusted }
}

/// What the process that will be killed does. Does nothing in a process that was not started for it.
///
/// # Panics
/// If anything but the script is wrong.
pub fn victim() {
    let Ok(task) = std::env::var(TASK) else { return };
    let mut words = task.splitn(3, ' ');
    let mut word = || words.next().expect("a task has three words");
    let (lowers, trusted) = (word().parse().expect("a number"), word() == "trusted");
    let dir = Path::new(word());
    let stack = HostStack::existing(dir, lowers, trusted);
    let text = std::fs::read_to_string(dir.join("script")).expect("the script");
    let script: Script = text.parse().expect("a script");
    let fs = stack.builder().build().expect("an overlay");
    let rules = rules(trusted, fs.info().caps);
    let mut env = Env::new(World::new(Made::new(Arc::new(fs))), rules);
    let mut told = std::io::stdout();
    for op in &script.0 {
        // A line before each, so that it is known which one was under way.
        writeln!(told, "@").and_then(|()| told.flush()).expect("tell that the last one is done");
        env.step(op);
    }
}

/// One process and its end. `command` is to run [`victim`].
///
/// # Errors
/// What was found that must not be.
///
/// # Panics
/// If the process cannot be started.
pub fn round(seed: u64, parent: &Path, mut command: Command) -> Result<(), String> {
    let with_kernel = kernel::check().is_ok();
    let mut rng = Rng::new(seed);
    let count = 1 + rng.below(2) as usize;
    let mut layers = layers::random(&mut rng, count);
    layers::tame(&mut layers);
    // Of links below with several names only the kernel can find what it has copied up itself.
    let links = !with_kernel || rng.below(3) == 0;
    if !links {
        layers::without_links(&mut layers);
    }
    enlarge(&mut layers, &mut rng);
    let trusted = with_kernel;
    let stack = HostStack::new(&layers, parent, trusted);
    let caps = stack.ours().info().caps;
    let script = script(&layers, &mut rng, caps);
    std::fs::write(stack.dir().join("script"), script.to_string()).map_err(|e| e.to_string())?;

    let prefix = if trusted { "trusted" } else { "user" };
    command.env(TASK, format!("{count} {prefix} {}", stack.dir().display()));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start a process");
    let (die_after, patience) = (1 + rng.below(script.0.len() as u64) as usize, rng.below(1200));
    let mut begun = 0;
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        // The harness of tests has its own things to say, and may leave its line unfinished.
        begun += usize::from(line.unwrap_or_default().ends_with('@'));
        if begun == die_after {
            std::thread::sleep(Duration::from_micros(patience));
            child.kill().expect("kill it");
        }
    }
    child.wait().expect("it ends");
    if begun == 0 {
        return Err("the process did not even begin".to_owned());
    }

    let log = || {
        let line = &script.0[begun - 1];
        format!("seed {seed}, {layers:?}{script}# killed in line {begun}, `{line}`, or after it\n")
    };
    let rules = rules(trusted, caps);
    let mut reference = Env::new(World::new(crate::Fixture::make(&Flat(layers.clone()))), rules);
    script.0[..begun - 1].iter().for_each(|op| drop(reference.step(op)));
    let before = reference.tree();
    reference.step(&script.0[begun - 1]);
    let after = reference.tree();
    // How many names a file has that had several below is written down after the name has come or gone.
    let counted = |tree: &str| if links { without_counts(tree) } else { tree.to_owned() };
    let check = |who: &str, tree: &str| {
        if [&before, &after].into_iter().any(|right| counted(right) == counted(tree)) {
            return Ok(());
        }
        Err(format!("{}# {who} sees\n{tree}# before it was\n{before}# after it is\n{after}", log()))
    };
    let of_kernel = || -> Result<(), String> {
        if with_kernel && !links {
            check("the kernel", &stack.kernel(rules).map_err(|e| format!("{}# {e}", log()))?.tree())?;
        }
        Ok(())
    };
    // Who comes second finds what the first has cleaned up.
    let ours_first = rng.below(2) == 0;
    if !ours_first {
        of_kernel()?;
    }
    let mut ours = Env::new(World::new(Made::new(Arc::new(stack.ours()))), rules);
    let tree = ours.tree();
    check("ours", &tree)?;
    if let Some(left) = leftovers(&stack) {
        return Err(format!("{}# left in the work directory: {left}", log()));
    }
    if ours_first {
        drop(ours);
        of_kernel()?;
        ours = Env::new(World::new(Made::new(Arc::new(stack.ours()))), rules);
    }
    if tree != before && tree != after {
        return Ok(());
    }
    go_on(&script, begun, tree == after, &layers, rules, &mut ours).map_err(|e| log() + &e)
}

/// The rest of the script, with another line or two of the same: as if nothing had happened.
fn go_on(
    script: &Script,
    begun: usize,
    done: bool,
    layers: &[Layer],
    rules: Rules,
    ours: &mut Env,
) -> Result<(), String> {
    let at = if done { begun } else { begun - 1 };
    let mut reference = Env::new(World::new(crate::Fixture::make(&Flat(layers.to_vec()))), rules);
    script.0[..at].iter().for_each(|op| drop(reference.step(op)));
    // The process is gone, and with it its descriptors and where it was.
    for line in ["home", "close 0", "close 1", "close 2"] {
        for op in line.parse::<Script>()?.0 {
            reference.step(&op);
        }
    }
    for op in &script.0[at..] {
        let (answer, right) = (ours.step(op), reference.step(op));
        if answer != right && super::excused(op, &answer, &right).is_none() {
            return Err(format!("# then `{op}` answers {answer} instead of {right}"));
        }
    }
    let (tree, right) = (ours.tree(), reference.tree());
    if tree == right { Ok(()) } else { Err(format!("# in the end it is\n{tree}# instead of\n{right}")) }
}

/// What is in the work area that no file needs.
fn leftovers(stack: &HostStack) -> Option<String> {
    let entries = std::fs::read_dir(stack.upper().join("work/work")).ok()?;
    entries.filter_map(|e| Some(e.ok()?.file_name().display().to_string())).next()
}

/// Lets some of the files be big.
fn enlarge(layers: &mut [Layer], rng: &mut Rng) {
    for item in layers.iter_mut().flat_map(|layer| layer.0.values_mut()) {
        if let Item::File { text, .. } = item
            && rng.below(5) == 0
        {
            *text = [b'A' + rng.below(26) as u8].repeat(BIG);
        }
    }
}

/// A random script whose every line is done or not done: what takes several steps even on a plain filesystem is made
/// into several lines.
fn script(layers: &[Layer], rng: &mut Rng, caps: FsCaps) -> Script {
    let op = |verb: &'static str, args: &[&str]| Op {
        verb,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        expected: None,
    };
    let mut lines = vec![];
    for line in super::overlay::script(layers, rng, 60, caps - FsCaps::ALLOCATE).0 {
        match line.verb {
            "put" => {
                lines.push(op("open", &["0", &line.args[0], "rwct"]));
                lines.push(op("fwrite", &["0", "hello"]));
            }
            "open" => {
                lines.push(line.clone());
                lines.push(op("pwrite", &[&line.args[0], "1", "yy"]));
            }
            "fwrite" | "pwrite" if line.args.iter().any(|arg| arg.contains('*')) => {}
            // They only look; and a fork would be another filesystem.
            "stat" | "lstat" | "readlink" | "list" | "read" | "fread" | "pread" | "fstat" | "flist" | "fork" => {}
            _ => lines.push(line),
        }
    }
    Script(lines)
}
