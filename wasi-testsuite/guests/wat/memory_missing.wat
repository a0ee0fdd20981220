;; Without a memory every pointer is wrong: an errno, not a crash; calls without pointers work.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (func $must (param $condition i32) (param $code i32)
    (if (i32.eqz (local.get $condition)) (then (call $proc_exit (local.get $code)))))
  (func (export "_start")
    (call $must (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 0)) (i32.const 1))
    (call $must (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0)) (i32.const 2))
    (call $must (i32.eq (call $fd_close (i32.const 99)) (i32.const 8)) (i32.const 3))
    (call $must (i32.eqz (call $sched_yield)) (i32.const 4))))
