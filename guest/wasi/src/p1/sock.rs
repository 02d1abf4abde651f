//! Sockets: there are none, so every descriptor is either closed or no socket.

use crate::errno::Errno;
use crate::host::{Call, Host};
use crate::wasi::Wasi;

impl Wasi {
    pub fn sock_accept<H: Host>(
        &mut self,
        _: &mut Call<'_, H>,
        fd: u32,
        _flags: u32,
        _opened: u32,
    ) -> Errno {
        self.no_socket(fd)
    }

    #[allow(clippy::too_many_arguments)]
    pub fn sock_recv<H: Host>(
        &mut self,
        _: &mut Call<'_, H>,
        fd: u32,
        _iovs: u32,
        _iovs_len: u32,
        _in_flags: u32,
        _nread: u32,
        _out_flags: u32,
    ) -> Errno {
        self.no_socket(fd)
    }

    #[allow(clippy::too_many_arguments)]
    pub fn sock_send<H: Host>(
        &mut self,
        _: &mut Call<'_, H>,
        fd: u32,
        _iovs: u32,
        _iovs_len: u32,
        _in_flags: u32,
        _nwritten: u32,
    ) -> Errno {
        self.no_socket(fd)
    }

    pub fn sock_shutdown<H: Host>(&mut self, _: &mut Call<'_, H>, fd: u32, _how: u32) -> Errno {
        self.no_socket(fd)
    }

    fn no_socket(&self, fd: u32) -> Errno {
        match self.fds.get(fd) {
            Ok(_) => Errno::Notsock,
            Err(errno) => errno,
        }
    }
}
