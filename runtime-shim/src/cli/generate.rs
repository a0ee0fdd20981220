//! `gangplank completions` and `gangplank man`: what is made from the definition of the command line itself.

use clap::CommandFactory as _;

use super::{
    args::{Cli, Completions, Man},
    report::{Failure, print},
};

pub(crate) fn completions(args: &Completions) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gangplank", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(crate) fn man(args: &Man) -> Result<u8, Failure> {
    let mut command = Cli::command();
    // Gives the subcommands what they inherit.
    command.build();
    for (at, name) in args.command.iter().enumerate() {
        let commands = command.get_subcommands().map(|one| format!("`{}`", one.get_name())).collect::<Vec<_>>();
        command = command.find_subcommand(name).cloned().ok_or_else(|| {
            let failure = Failure::usage(format!("there is no command `{}`", args.command[..=at].join(" ")));
            if commands.is_empty() { failure } else { failure.help(format!("it is one of {}", commands.join(", "))) }
        })?;
    }
    if !args.command.is_empty() {
        command = command.display_name(format!("gangplank-{}", args.command.join("-")));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .manual("Gangplank")
        .source(concat!("gangplank ", env!("CARGO_PKG_VERSION")))
        .render(&mut page)
        .map_err(|error| Failure::cannot_run(format!("cannot make the page: {error}")))?;
    print(&String::from_utf8_lossy(&page))
}
