//! Plays a script of the conformance kit, which comes on standard input, in the first preopen, and prints what each line
//! answers. `conformance/src/differential/script.rs` has the language, `tests/scripts.rs` what the answers are compared
//! with. Verbs that preview1 has no call for answer `?`.
#![no_std]
#![no_main]

use guest::*;

entry!(run);

/// Pages for the script, for what files hold, and for what is printed.
const PAGES: [usize; 3] = [2, 16, 4];
/// The first nanosecond that is shown as now.
const RECENT: u64 = 1_500_000_000_000_000_000;

fn run() {
    let [input, content, line] = PAGES.map(new_pages);
    let mut len = 0;
    while let Ok(n @ 1..) = read(0, &mut input[len..]) {
        len += n as usize;
    }
    let mut player = Player { slots: [None; 3], content, line: Line { text: line, len: 0 } };
    for text in input[..len].split(|b| *b == b'\n').filter(|text| !text.is_empty()) {
        player.play(text);
    }
}

struct Player {
    slots: [Option<u32>; 3],
    content: &'static mut [u8],
    line: Line,
}

impl Player {
    /// One line, and its answer: what was to be learnt, `ok`, or the name of an errno.
    fn play(&mut self, text: &[u8]) {
        let mut words = [&b""[..]; 4];
        for (word, found) in words.iter_mut().zip(text.split(|b| *b == b' ')) {
            *word = found;
        }
        let [verb, args @ ..] = words;
        self.line.len = 0;
        match self.act(verb, args) {
            Ok(()) if self.line.len == 0 => self.line.push(b"ok"),
            Ok(()) => {}
            Err(errno) => {
                self.line.len = 0;
                self.line.push(errno.name().as_bytes());
            }
        }
        self.line.push(b"\n");
        ok(write(1, &self.line.text[..self.line.len]));
    }

    fn act(&mut self, verb: &[u8], [a, b, c]: [&[u8]; 3]) -> Result {
        match verb {
            b"mkdir" => mkdir(ROOT, a),
            b"symlink" => symlink(a, ROOT, b),
            b"link" => link(ROOT, NOFOLLOW, a, ROOT, b),
            b"unlink" => unlink(ROOT, a),
            b"rmdir" => rmdir(ROOT, a),
            b"rename" => rename(ROOT, a, ROOT, b),
            b"touch" => {
                let time = number(b) * 1_000_000_000 + 7;
                set_path_times(ROOT, FOLLOW, a, 0, time, MTIM)
            }
            b"stat" => stat(ROOT, a).map(|found| self.line.stat(&found)),
            b"lstat" => lstat(ROOT, a).map(|found| self.line.stat(&found)),
            b"readlink" => {
                let n = readlink(ROOT, a, self.content)? as usize;
                self.line.escaped(&self.content[..n]);
                Ok(())
            }
            b"put" => with(open_rw(ROOT, a, O_CREAT | O_TRUNC)?, |fd| self.write(fd, b, None)),
            b"truncate" => with(open(ROOT, FOLLOW, a, 0, WRITE, 0, 0)?, |fd| set_size(fd, number(b))),
            b"list" => with(open_dir(ROOT, a)?, |fd| self.list(fd)),
            b"read" => with(open_ro(ROOT, a)?, |fd| {
                let n = pread(fd, self.content, 0)? as usize;
                self.line.quoted(&self.content[..n]);
                Ok(())
            }),
            b"open" => self.open(number(a) as usize, b, c),
            b"close" => match self.slots[number(a) as usize].take() {
                Some(fd) => close(fd),
                None => self.empty(),
            },
            _ => match self.slots.get(number(a) as usize).copied().flatten() {
                Some(fd) => self.act_on(fd, verb, b, c),
                None => self.empty(),
            },
        }
    }

    fn empty(&mut self) -> Result {
        self.line.push(b"empty");
        Ok(())
    }

    fn act_on(&mut self, fd: u32, verb: &[u8], b: &[u8], c: &[u8]) -> Result {
        match verb {
            b"fread" => {
                let n = read(fd, &mut self.content[..number(b) as usize])? as usize;
                self.line.quoted(&self.content[..n]);
                Ok(())
            }
            b"pread" => {
                let n = pread(fd, &mut self.content[..100], number(b))? as usize;
                self.line.quoted(&self.content[..n]);
                Ok(())
            }
            b"fwrite" => self.write(fd, b, None),
            b"pwrite" => self.write(fd, c, Some(number(b))),
            b"seek" => seek(fd, number(b) as i64, SET).map(|at| self.line.number(at, 1)),
            b"seekend" => seek(fd, -1, END).map(|at| self.line.number(at, 1)),
            b"setlen" => set_size(fd, number(b)),
            b"allocate" => {
                allocate(fd, 0, number(b))?;
                set_times(fd, 0, 0, MTIM_NOW)
            }
            b"fstat" => fstat(fd).map(|found| self.line.stat(&found)),
            b"flist" => self.list(fd),
            _ => {
                self.line.push(b"?");
                Ok(())
            }
        }
    }

    fn open(&mut self, slot: usize, path: &[u8], flags: &[u8]) -> Result {
        let when = |flag: u8, bit: u32| if flags.contains(&flag) { bit } else { 0 };
        let has = |flag: u8| flags.contains(&flag);
        let oflags = when(b'c', O_CREAT) | when(b'x', O_EXCL) | when(b't', O_TRUNC) | when(b'd', O_DIRECTORY);
        let base = if has(b'r') { READ | DIR } else { 0 } | if has(b'w') { WRITE } else { 0 };
        let lookup = if has(b'n') { NOFOLLOW } else { FOLLOW };
        let fd = open(ROOT, lookup, path, oflags, base, 0, when(b'a', APPEND))?;
        if let Some(old) = self.slots[slot].replace(fd) {
            ok(close(old));
        }
        self.line.push(match fdstat(fd)?.filetype {
            DIRECTORY => b"Directory",
            REGULAR_FILE => b"Regular",
            _ => b"?",
        });
        Ok(())
    }

    /// `Z*70` is seventy times Z.
    fn write(&mut self, fd: u32, word: &[u8], at: Option<u64>) -> Result {
        let star = word.iter().position(|b| *b == b'*');
        let (what, times) = star.map_or((word, 1), |star| (&word[..star], number(&word[star + 1..]) as usize));
        let text = &mut self.content[..what.len() * times];
        text.chunks_mut(what.len()).for_each(|chunk| chunk.copy_from_slice(what));
        let n = match at {
            None => write(fd, text)?,
            Some(at) => pwrite(fd, text, at)?,
        };
        self.line.number(n.into(), 1);
        Ok(())
    }

    /// The names, sorted, with commas between them and a dot at the end.
    fn list(&mut self, fd: u32) -> Result {
        let (buf, names) = self.content.split_at_mut(1 << 16);
        let mut places = [(0usize, 0usize); 512];
        let (mut count, mut used) = (0, 0);
        list(fd, buf, 0, |entry| {
            if !is_dots(entry.name) {
                names[used..used + entry.name.len()].copy_from_slice(entry.name);
                places[count] = (used, used + entry.name.len());
                (count, used) = (count + 1, used + entry.name.len());
            }
        })?;
        places[..count].sort_unstable_by(|a, b| names[a.0..a.1].cmp(&names[b.0..b.1]));
        for (i, (from, to)) in places[..count].iter().enumerate() {
            if i > 0 {
                self.line.push(b",");
            }
            self.line.escaped(&names[*from..*to]);
        }
        self.line.push(b".");
        Ok(())
    }
}

/// Does something with a descriptor, and closes it.
fn with(fd: u32, act: impl FnOnce(u32) -> Result) -> Result {
    let done = act(fd);
    ok(close(fd));
    done
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, digit| n * 10 + (digit - b'0') as u64)
}

/// A line on its way out.
struct Line {
    text: &'static mut [u8],
    len: usize,
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        self.text[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// With so many digits at least.
    fn number(&mut self, mut value: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let mut at = digits.len();
        while value > 0 || digits.len() - at < width {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.push(&digits[at..]);
    }

    fn escaped(&mut self, bytes: &[u8]) {
        bytes.escape_ascii().for_each(|byte| self.push(&[byte]));
    }

    /// In quotes; more than four times the same byte is `x*n `.
    fn quoted(&mut self, bytes: &[u8]) {
        self.push(b"\"");
        for run in bytes.chunk_by(|a, b| a == b) {
            if run.len() > 4 {
                self.escaped(&run[..1]);
                self.push(b"*");
                self.number(run.len() as u64, 1);
                self.push(b" ");
            } else {
                self.escaped(run);
            }
        }
        self.push(b"\"");
    }

    fn stat(&mut self, found: &Stat) {
        match found.filetype {
            DIRECTORY => self.push(b"dir "),
            SYMBOLIC_LINK => {
                self.push(b"symlink ");
                self.number(found.nlink, 1);
                self.push(b" links ");
                return self.number(found.size, 1);
            }
            _ => {
                self.push(b"file ");
                self.number(found.nlink, 1);
                self.push(b" links ");
                self.number(found.size, 1);
                self.push(b" bytes ");
            }
        }
        if found.mtim >= RECENT {
            return self.push(b"now");
        }
        self.number(found.mtim / 1_000_000_000, 1);
        self.push(b".");
        self.number(found.mtim % 1_000_000_000, 9);
    }
}
