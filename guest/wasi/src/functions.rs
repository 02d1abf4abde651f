//! The list of functions, for whoever binds them to a Wasm engine.

/// Calls `$each!` once with every function but `proc_exit`, as
/// `name(argument: type, …);` in the order and with the types of the Wasm imports:
/// `u32` is an i32, `u64` an i64, the result is `Errno` (an i32, see `Errno::raw`).
///
/// Each is `Wasi::name(&mut self, call: &mut Call<H>, argument…) -> Errno`;
/// `proc_exit(code: u32)` has no result: bind it by hand to `Wasi::proc_exit`.
#[macro_export]
macro_rules! for_each_function {
    ($each:ident) => {
        $each! {
            args_get(argv: u32, argv_buf: u32);
            args_sizes_get(argc: u32, argv_buf_size: u32);
            environ_get(environ: u32, environ_buf: u32);
            environ_sizes_get(environc: u32, environ_buf_size: u32);
            clock_res_get(id: u32, resolution: u32);
            clock_time_get(id: u32, precision: u64, time: u32);
            fd_advise(fd: u32, offset: u64, len: u64, advice: u32);
            fd_allocate(fd: u32, offset: u64, len: u64);
            fd_close(fd: u32);
            fd_datasync(fd: u32);
            fd_fdstat_get(fd: u32, stat: u32);
            fd_fdstat_set_flags(fd: u32, flags: u32);
            fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64);
            fd_filestat_get(fd: u32, stat: u32);
            fd_filestat_set_size(fd: u32, size: u64);
            fd_filestat_set_times(fd: u32, atim: u64, mtim: u64, flags: u32);
            fd_pread(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nread: u32);
            fd_prestat_get(fd: u32, prestat: u32);
            fd_prestat_dir_name(fd: u32, path: u32, path_len: u32);
            fd_pwrite(fd: u32, iovs: u32, iovs_len: u32, offset: u64, nwritten: u32);
            fd_read(fd: u32, iovs: u32, iovs_len: u32, nread: u32);
            fd_readdir(fd: u32, buf: u32, buf_len: u32, cookie: u64, used: u32);
            fd_renumber(from: u32, to: u32);
            fd_seek(fd: u32, offset: u64, whence: u32, position: u32);
            fd_sync(fd: u32);
            fd_tell(fd: u32, position: u32);
            fd_write(fd: u32, iovs: u32, iovs_len: u32, nwritten: u32);
            path_create_directory(fd: u32, path: u32, path_len: u32);
            path_filestat_get(fd: u32, lookup: u32, path: u32, path_len: u32, stat: u32);
            path_filestat_set_times(
                fd: u32, lookup: u32, path: u32, path_len: u32, atim: u64, mtim: u64, flags: u32
            );
            path_link(
                old_fd: u32, lookup: u32, old_path: u32, old_len: u32,
                new_fd: u32, new_path: u32, new_len: u32
            );
            path_open(
                fd: u32, lookup: u32, path: u32, path_len: u32, oflags: u32,
                base: u64, inheriting: u64, flags: u32, opened: u32
            );
            path_readlink(fd: u32, path: u32, path_len: u32, buf: u32, buf_len: u32, used: u32);
            path_remove_directory(fd: u32, path: u32, path_len: u32);
            path_rename(
                old_fd: u32, old_path: u32, old_len: u32, new_fd: u32, new_path: u32, new_len: u32
            );
            path_symlink(target: u32, target_len: u32, fd: u32, path: u32, path_len: u32);
            path_unlink_file(fd: u32, path: u32, path_len: u32);
            poll_oneoff(subscriptions: u32, events: u32, count: u32, stored: u32);
            proc_raise(signal: u32);
            sched_yield();
            random_get(buf: u32, len: u32);
            sock_accept(fd: u32, flags: u32, opened: u32);
            sock_recv(
                fd: u32, iovs: u32, iovs_len: u32, in_flags: u32, nread: u32, out_flags: u32
            );
            sock_send(fd: u32, iovs: u32, iovs_len: u32, in_flags: u32, nwritten: u32);
            sock_shutdown(fd: u32, how: u32);
        }
    };
}
