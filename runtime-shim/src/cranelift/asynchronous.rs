//! Our imports for stores that run their guests asynchronously.
//!
//! A call that would wait does not block the thread that polls the guest. It unwinds to here, leaves its wakers with
//! whatever it waits for, and is performed again when one of them is woken, while the guest's fiber is suspended. No
//! runtime is assumed: times come from one thread of ours, which sleeps as long as nobody waits for a time.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use gangplank_wasi::{abi::Outcome, wait::Suspension};
use wasmtime::{Caller, Linker};

use super::{
    Ctx,
    bind::{exited, result, syscall},
};

mod timer;

use timer::Timer;

/// As [`add_to_linker`](super::add_to_linker), for guests that are called with `call_async`. The thread of the [`Ctx`]
/// must be a [`Thread::suspending`](gangplank_wasi::Thread::suspending); with another one the waits block as they do in
/// a linker that is not asynchronous.
///
/// * What waits for pipes, sockets, standard streams and clocks (`fd_read`, `fd_write`, `poll_oneoff`, `sock_accept`,
///   `sock_recv`, `sock_send`) yields to the executor. Any executor will do.
/// * Everything else runs to its end at once: memory, and files of the host, whose reads and writes block the polling
///   thread for as long as the disk takes. Where that matters, use an executor that moves other tasks away
///   (`tokio::task::block_in_place`), or run the guest on a thread of its own.
/// * Code that computes without calling us yields only if the engine is told to: `epoch_interruption` in the `Config`,
///   and `Store::epoch_deadline_async_yield_and_update`.
/// * A guest that is dropped while it waits is gone; nothing of ours goes on.
/// * A tracer hears of each attempt of a call that waits.
///
/// ```
/// use gangplank::{cranelift::{Ctx, add_to_linker_async}, wasi::{ProcessBuilder, System, Thread}};
/// use wasmtime::{Engine, Linker, Module, Store};
///
/// async fn run(engine: &Engine, module: &Module) -> wasmtime::Result<()> {
///     let mut linker = Linker::new(engine);
///     add_to_linker_async(&mut linker, |ctx: &mut Ctx| ctx)?;
///     let process = ProcessBuilder::new(&System::host(), "prog").build()?;
///     let mut store = Store::new(engine, Ctx::new(Thread::suspending(&process)));
///     let instance = linker.instantiate_async(&mut store, module).await?;
///     let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
///     start.call_async(&mut store, ()).await
/// }
/// ```
///
/// # Errors
/// If the linker has one of them already.
pub fn add_to_linker_async<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: impl Fn(&mut T) -> &mut Ctx + Copy + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    gangplank_wasi::for_each_preview1!(bind! { linker, get, preview1 });
    gangplank_wasi::for_each_unstable!(bind! { linker, get, unstable });
    Ok(())
}

macro_rules! bind {
    ({ $linker:ident, $get:ident, $entries:ident } module $module:literal; $(
        #[doc = $doc:literal]
        fn $name:ident($($param:ident: $kind:ident),*) -> $result:ident in $home:ident;
    )*) => {
        $(
            one!($name, $entries, $linker, $get, $module, $result, $($param: $kind),*);
        )*
    };
}
use bind;

macro_rules! one {
    (fd_read, $($rest:tt)*) => { waits!(fd_read, $($rest)*) };
    (fd_write, $($rest:tt)*) => { waits!(fd_write, $($rest)*) };
    (poll_oneoff, $($rest:tt)*) => { waits!(poll_oneoff, $($rest)*) };
    (sock_accept, $($rest:tt)*) => { waits!(sock_accept, $($rest)*) };
    (sock_recv, $($rest:tt)*) => { waits!(sock_recv, $($rest)*) };
    (sock_send, $($rest:tt)*) => { waits!(sock_send, $($rest)*) };
    ($name:ident, $entries:ident, $linker:ident, $get:ident, $module:literal, $result:ident, $($param:ident: $kind:ident),*) => {
        $linker.func_wrap(
            $module,
            stringify!($name),
            move |mut caller: Caller<'_, T>, $($param: gangplank_wasi::abi::repr::$kind),*| {
                let outcome = syscall(&mut caller, $get, |call| {
                    gangplank_wasi::abi::$entries::$name(call, $($param),*)
                });
                result!($result, outcome)
            },
        )?
    };
}
use one;

/// A call that is performed again for as long as it would wait.
macro_rules! waits {
    ($name:ident, $entries:ident, $linker:ident, $get:ident, $module:literal, $result:ident, $($param:ident: $kind:ident),*) => {
        $linker.func_wrap_async(
            $module,
            stringify!($name),
            move |mut caller: Caller<'_, T>, ($($param,)*): ($(gangplank_wasi::abi::repr::$kind,)*)| {
                Box::new(async move {
                    // A call whose future was dropped may have left something.
                    $get(caller.data_mut()).thread().wait().begin();
                    loop {
                        let outcome = syscall(&mut caller, $get, |call| {
                            gangplank_wasi::abi::$entries::$name(call, $($param),*)
                        });
                        if outcome == Outcome::Exit
                            && let Some(suspension) = $get(caller.data_mut()).thread().wait().suspension()
                        {
                            Waiting::new(suspension).await;
                            continue;
                        }
                        return result!($result, outcome);
                    }
                })
            },
        )?
    };
}
use waits;

/// The time until a suspended call can go on.
struct Waiting {
    suspension: Suspension,
    timer: Option<Timer>,
}

impl Waiting {
    fn new(suspension: Suspension) -> Waiting {
        let timer = suspension.pause().map(Timer::after);
        Waiting { suspension, timer }
    }
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.suspension.is_woken(cx.waker()) {
            return Poll::Ready(());
        }
        let over = self.timer.as_mut().is_some_and(|timer| timer.is_over(cx.waker()));
        if over { Poll::Ready(()) } else { Poll::Pending }
    }
}
