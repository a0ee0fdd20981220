;; Calls in the module's start function, when the host may not know the memory yet, succeed or fail; the program goes on.
(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\20\00\00\00\05\00\00\00")
  (data (i32.const 32) "done\n")
  (func $init (drop (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 64))))
  (start $init)
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))))
