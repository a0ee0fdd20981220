;; The guest: one export for each operation, which does it `n` times and returns how often it failed. The host writes
;; paths to 1024 and 1280 before, and passes their lengths. Descriptor 3 is the directory in which everything happens.
;;
;; Memory: 0 one iovec, 16 results of calls, 128 sixteen iovecs, 1024 and 1280 paths, 4096 a listing, 65536 data.
(module
  (import "bench" "empty" (func $empty (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_tell" (func $fd_tell (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get"
    (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory"
    (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (memory (export "memory") 4)

  ;; Opens the path at 1024; the descriptor, or -1. Rights: read, seek, tell, write, readdir, set size, as asked for.
  (func $open (export "open") (param $len i32) (param $oflags i32) (param $fdflags i32) (param $rights i32) (result i32)
    (if (result i32)
      (call $path_open (i32.const 3) (i32.const 1) (i32.const 1024) (local.get $len) (local.get $oflags)
        (i64.extend_i32_u (local.get $rights)) (i64.const 0) (local.get $fdflags) (i32.const 16))
      (then (i32.const -1))
      (else (i32.load (i32.const 16)))))

  (func (export "close") (param $fd i32) (result i32) (call $fd_close (local.get $fd)))

  (func $iovec (param $len i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (local.get $len)))

  ;; 16 buffers of 64 bytes.
  (func $iovecs (local $i i32)
    (loop $next
      (i32.store (i32.add (i32.const 128) (i32.shl (local.get $i) (i32.const 3)))
        (i32.add (i32.const 65536) (i32.shl (local.get $i) (i32.const 6))))
      (i32.store (i32.add (i32.const 132) (i32.shl (local.get $i) (i32.const 3))) (i32.const 64))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16)))))

  ;; 1 if a transfer answered an error or another count than wanted.
  (func $failed (param $errno i32) (param $wanted i32) (result i32)
    (i32.or (i32.ne (local.get $errno) (i32.const 0)) (i32.ne (i32.load (i32.const 16)) (local.get $wanted))))

  (func (export "hostcall") (param $n i32) (result i32) (local $bad i32)
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (call $empty (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 16))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "tell") (param $n i32) (param $fd i32) (result i32) (local $bad i32)
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (call $fd_tell (local.get $fd) (i32.const 16)) (i32.const 0))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; Counts those that do not answer `$errno`.
  (func (export "stat") (param $n i32) (param $len i32) (param $errno i32) (result i32) (local $bad i32)
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (local.get $errno)
          (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 1024) (local.get $len) (i32.const 16)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "open_close") (param $n i32) (param $len i32) (param $rights i32) (result i32) (local $bad i32)
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0)
          (call $fd_close (call $open (local.get $len) (i32.const 0) (i32.const 0) (local.get $rights))))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; Creates, exclusively (oflags 1 | 4), closes, removes.
  (func (export "create_unlink") (param $n i32) (param $len i32) (param $rights i32) (result i32) (local $bad i32)
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0)
          (call $fd_close (call $open (local.get $len) (i32.const 5) (i32.const 0) (local.get $rights))))))
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0) (call $path_unlink_file (i32.const 3) (i32.const 1024) (local.get $len)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "mkdir_rmdir") (param $n i32) (param $len i32) (result i32) (local $bad i32)
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0) (call $path_create_directory (i32.const 3) (i32.const 1024) (local.get $len)))))
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0) (call $path_remove_directory (i32.const 3) (i32.const 1024) (local.get $len)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; The path at 1024 to that at 1280, and back.
  (func (export "rename") (param $n i32) (param $len i32) (param $other i32) (result i32) (local $bad i32)
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0)
          (call $path_rename (i32.const 3) (i32.const 1024) (local.get $len)
            (i32.const 3) (i32.const 1280) (local.get $other)))))
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0)
          (call $path_rename (i32.const 3) (i32.const 1280) (local.get $other)
            (i32.const 3) (i32.const 1024) (local.get $len)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; At the cursor; begins again at the front after `$end` bytes.
  (func (export "read") (param $n i32) (param $fd i32) (param $len i32) (param $end i32) (result i32)
    (local $bad i32) (local $at i32)
    (call $iovec (local.get $len))
    (local.set $bad
      (i32.ne (i32.const 0) (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16))))
    (loop $next
      (if (i32.eq (local.get $at) (local.get $end)) (then
        (local.set $at (i32.const 0))
        (local.set $bad (i32.add (local.get $bad)
          (i32.ne (i32.const 0) (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16)))))))
      (local.set $bad (i32.add (local.get $bad)
        (call $failed (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)) (local.get $len))))
      (local.set $at (i32.add (local.get $at) (local.get $len)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "write") (param $n i32) (param $fd i32) (param $len i32) (param $end i32) (result i32)
    (local $bad i32) (local $at i32)
    (call $iovec (local.get $len))
    (local.set $bad
      (i32.ne (i32.const 0) (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16))))
    (loop $next
      (if (i32.eq (local.get $at) (local.get $end)) (then
        (local.set $at (i32.const 0))
        (local.set $bad (i32.add (local.get $bad)
          (i32.ne (i32.const 0) (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16)))))))
      (local.set $bad (i32.add (local.get $bad)
        (call $failed (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)) (local.get $len))))
      (local.set $at (i32.add (local.get $at) (local.get $len)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; To a descriptor that appends; empties the file first, and after each `$end` bytes.
  (func (export "append") (param $n i32) (param $fd i32) (param $len i32) (param $end i32) (result i32)
    (local $bad i32) (local $at i32)
    (call $iovec (local.get $len))
    (local.set $at (local.get $end))
    (loop $next
      (if (i32.eq (local.get $at) (local.get $end)) (then
        (local.set $at (i32.const 0))
        (local.set $bad (i32.add (local.get $bad)
          (i32.ne (i32.const 0) (call $fd_filestat_set_size (local.get $fd) (i64.const 0)))))))
      (local.set $bad (i32.add (local.get $bad)
        (call $failed (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)) (local.get $len))))
      (local.set $at (i32.add (local.get $at) (local.get $len)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "pread") (param $n i32) (param $fd i32) (param $len i32) (result i32) (local $bad i32)
    (call $iovec (local.get $len))
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (call $failed
          (call $fd_pread (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 64) (i32.const 16))
          (local.get $len))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "pwrite") (param $n i32) (param $fd i32) (param $len i32) (result i32) (local $bad i32)
    (call $iovec (local.get $len))
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (call $failed
          (call $fd_pwrite (local.get $fd) (i32.const 0) (i32.const 1) (i64.const 64) (i32.const 16))
          (local.get $len))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; Who fills only some of the buffers, as is his right, is asked again for the rest.
  (func (export "readv") (param $n i32) (param $fd i32) (result i32)
    (local $bad i32) (local $first i32)
    (call $iovecs)
    (loop $next
      (local.set $first (i32.const 0))
      (block $done
        (loop $rest
          (if (call $fd_pread (local.get $fd)
                (i32.add (i32.const 128) (i32.shl (local.get $first) (i32.const 3)))
                (i32.sub (i32.const 16) (local.get $first))
                (i64.extend_i32_u (i32.shl (local.get $first) (i32.const 6))) (i32.const 16))
            (then (local.set $bad (i32.add (local.get $bad) (i32.const 1))) (br $done)))
          (local.set $first (i32.add (local.get $first) (i32.shr_u (i32.load (i32.const 16)) (i32.const 6))))
          (br_if $rest (i32.lt_u (local.get $first) (i32.const 16)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "writev") (param $n i32) (param $fd i32) (result i32)
    (local $bad i32) (local $first i32)
    (call $iovecs)
    (loop $next
      (local.set $first (i32.const 0))
      (block $done
        (loop $rest
          (if (call $fd_pwrite (local.get $fd)
                (i32.add (i32.const 128) (i32.shl (local.get $first) (i32.const 3)))
                (i32.sub (i32.const 16) (local.get $first))
                (i64.extend_i32_u (i32.shl (local.get $first) (i32.const 6))) (i32.const 16))
            (then (local.set $bad (i32.add (local.get $bad) (i32.const 1))) (br $done)))
          (local.set $first (i32.add (local.get $first) (i32.shr_u (i32.load (i32.const 16)) (i32.const 6))))
          (br_if $rest (i32.lt_u (local.get $first) (i32.const 16)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; Lists from the front to the end, through 4 KiB at a time, as a C library does it. Counts the listings that did not
  ;; show `$wanted` entries.
  (func (export "readdir") (param $n i32) (param $fd i32) (param $wanted i32) (result i32)
    (local $bad i32) (local $seen i32) (local $cookie i64) (local $used i32) (local $at i32) (local $after i32)
    (loop $next
      (local.set $cookie (i64.const 0))
      (local.set $seen (i32.const 0))
      (block $end
        (loop $more
          (br_if $end (call $fd_readdir (local.get $fd) (i32.const 4096) (i32.const 4096) (local.get $cookie)
            (i32.const 16)))
          (local.set $used (i32.load (i32.const 16)))
          (local.set $at (i32.const 0))
          (block $parsed
            (loop $entry
              (br_if $parsed (i32.gt_u (i32.add (local.get $at) (i32.const 24)) (local.get $used)))
              (local.set $after (i32.add (i32.add (local.get $at) (i32.const 24))
                (i32.load offset=4112 (local.get $at))))
              (br_if $parsed (i32.gt_u (local.get $after) (local.get $used)))
              (local.set $cookie (i64.load offset=4096 (local.get $at)))
              (local.set $seen (i32.add (local.get $seen) (i32.const 1)))
              (local.set $at (local.get $after))
              (br $entry)))
          (br_if $more (i32.eq (local.get $used) (i32.const 4096)))))
      (local.set $bad (i32.add (local.get $bad) (i32.ne (local.get $seen) (local.get $wanted))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  ;; `$steps` pieces of 64 KiB from the front.
  (func (export "sequential_read") (param $n i32) (param $fd i32) (param $steps i32) (result i32)
    (local $bad i32) (local $step i32)
    (call $iovec (i32.const 65536))
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0) (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16)))))
      (local.set $step (local.get $steps))
      (loop $piece
        (local.set $bad (i32.add (local.get $bad)
          (call $failed (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)) (i32.const 65536))))
        (br_if $piece (local.tee $step (i32.sub (local.get $step) (i32.const 1)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $bad))

  (func (export "sequential_write") (param $n i32) (param $fd i32) (param $steps i32) (result i32)
    (local $bad i32) (local $step i32)
    (call $iovec (i32.const 65536))
    (loop $next
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0) (call $fd_filestat_set_size (local.get $fd) (i64.const 0)))))
      (local.set $bad (i32.add (local.get $bad)
        (i32.ne (i32.const 0) (call $fd_seek (local.get $fd) (i64.const 0) (i32.const 0) (i32.const 16)))))
      (local.set $step (local.get $steps))
      (loop $piece
        (local.set $bad (i32.add (local.get $bad)
          (call $failed (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)) (i32.const 65536))))
        (br_if $piece (local.tee $step (i32.sub (local.get $step) (i32.const 1)))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (local.get $bad)
      (i32.ne (i32.const 0) (call $fd_filestat_set_size (local.get $fd) (i64.const 0)))))
)
