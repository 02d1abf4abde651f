//! wasi:io/streams. Nothing is buffered: what is written has been written.

use alloc::vec::Vec;

use hypercell_wasi::Errno;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::error_codes::IoError;
use super::poll::Pollable;
use super::wasi::io::streams::{Host, HostInputStream, HostOutputStream, StreamError};
use crate::machine::State;

/// The descriptor of a stream to read.
pub struct Input;
/// The descriptor of a stream to write.
pub struct Output;

type Streamed<T> = Result<Result<T, StreamError>>;

/// How much may be written at once. Python with unbuffered output loses what does not fit, so this is
/// large, but well below what a component can hand over.
const PERMIT: u64 = 8 << 20;

impl State {
    fn failed(&mut self, errno: Errno) -> Result<StreamError> {
        let error = self.resources.push(IoError(errno))?;
        Ok(StreamError::LastOperationFailed(error))
    }

    fn read(&mut self, fd: u32, len: u64) -> Streamed<Vec<u8>> {
        match self.world(|wasi, call| wasi.stream_read(call, fd, len))? {
            Ok(data) if data.is_empty() && len > 0 => Ok(Err(StreamError::Closed)),
            Ok(data) => Ok(Ok(data)),
            Err(errno) => Ok(Err(self.failed(errno)?)),
        }
    }

    fn write(&mut self, fd: u32, data: &[u8]) -> Streamed<()> {
        match self.world(|wasi, call| wasi.stream_write(call, fd, data))? {
            Ok(()) => Ok(Ok(())),
            Err(errno) => Ok(Err(self.failed(errno)?)),
        }
    }

    /// Zeros may be asked for without end: the quota or the output limit ends them.
    fn write_zeros(&mut self, fd: u32, mut len: u64) -> Streamed<()> {
        const ZEROS: &[u8] = &[0; 4096];
        while len > 0 {
            let count = len.min(ZEROS.len() as u64);
            if let Err(error) = self.write(fd, &ZEROS[..count as usize])? {
                return Ok(Err(error));
            }
            len -= count;
        }
        Ok(Ok(()))
    }

    fn copy(&mut self, to: u32, from: u32, len: u64) -> Streamed<u64> {
        let data = match self.read(from, len)? {
            Ok(data) => data,
            Err(error) => return Ok(Err(error)),
        };
        Ok(self.write(to, &data)?.map(|()| data.len() as u64))
    }

    fn close(&mut self, fd: u32) -> Result<()> {
        self.world(|wasi, call| wasi.close_fd(call, fd))
    }
}

impl Host for State {}

impl HostInputStream for State {
    fn read(&mut self, stream: Resource<Input>, len: u64) -> Streamed<Vec<u8>> {
        State::read(self, stream.rep(), len)
    }

    fn blocking_read(&mut self, stream: Resource<Input>, len: u64) -> Streamed<Vec<u8>> {
        State::read(self, stream.rep(), len)
    }

    fn skip(&mut self, stream: Resource<Input>, len: u64) -> Streamed<u64> {
        Ok(State::read(self, stream.rep(), len)?.map(|data| data.len() as u64))
    }

    fn blocking_skip(&mut self, stream: Resource<Input>, len: u64) -> Streamed<u64> {
        self.skip(stream, len)
    }

    fn subscribe(&mut self, _: Resource<Input>) -> Result<Resource<Pollable>> {
        Ok(self.resources.push(Pollable::Ready)?)
    }

    fn drop(&mut self, stream: Resource<Input>) -> Result<()> {
        self.close(stream.rep())
    }
}

impl HostOutputStream for State {
    fn check_write(&mut self, _: Resource<Output>) -> Streamed<u64> {
        Ok(Ok(PERMIT))
    }

    fn write(&mut self, stream: Resource<Output>, contents: Vec<u8>) -> Streamed<()> {
        State::write(self, stream.rep(), &contents)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<Output>,
        contents: Vec<u8>,
    ) -> Streamed<()> {
        State::write(self, stream.rep(), &contents)
    }

    fn flush(&mut self, _: Resource<Output>) -> Streamed<()> {
        Ok(Ok(()))
    }

    fn blocking_flush(&mut self, _: Resource<Output>) -> Streamed<()> {
        Ok(Ok(()))
    }

    fn subscribe(&mut self, _: Resource<Output>) -> Result<Resource<Pollable>> {
        Ok(self.resources.push(Pollable::Ready)?)
    }

    fn write_zeroes(&mut self, stream: Resource<Output>, len: u64) -> Streamed<()> {
        self.write_zeros(stream.rep(), len)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<Output>,
        len: u64,
    ) -> Streamed<()> {
        self.write_zeros(stream.rep(), len)
    }

    fn splice(
        &mut self,
        stream: Resource<Output>,
        source: Resource<Input>,
        len: u64,
    ) -> Streamed<u64> {
        self.copy(stream.rep(), source.rep(), len)
    }

    fn blocking_splice(
        &mut self,
        stream: Resource<Output>,
        source: Resource<Input>,
        len: u64,
    ) -> Streamed<u64> {
        self.copy(stream.rep(), source.rep(), len)
    }

    fn drop(&mut self, stream: Resource<Output>) -> Result<()> {
        self.close(stream.rep())
    }
}
