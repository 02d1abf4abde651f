//! The command point: wait for a batch, carry it out, reply.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use hypercell_abi as abi;
use hypercell_abi::wire::{Reader, WireError, Writer};
use hypercell_wasi::FileSystem;

use crate::commands;
use crate::door;
use crate::failure::Failure;
use crate::machine::Machine;

/// Kept free at the end of the reply area, so that the last reply can always be a failure.
const RESERVE: usize = 0x1_0000;
const ROOM: usize = abi::REPLY_AREA_SIZE as usize - RESERVE;
const REPLY_HEADER: usize = 8;

/// Carries out batches for ever.
pub fn serve(mut machine: Machine) -> ! {
    let mut replies = Vec::new();
    let mut executed = 0;
    loop {
        // Replies are kept in the heap until now: the shared region is not part of a snapshot.
        door::REPLIES.write(0, &replies);
        door::call(abi::HC_WAIT, [replies.len() as u64, executed]);
        let batch = receive();
        (replies, executed) = run(&mut machine, &batch);
    }
}

/// Takes the batch out of the command area, which a batch within a batch overwrites.
fn receive() -> Vec<u8> {
    let length = door::field(abi::MB_BATCH_LEN).min(abi::COMMAND_AREA_SIZE);
    let mut batch = vec![0; length as usize];
    door::COMMANDS.read(0, &mut batch);
    batch
}

/// The commands of a batch: each an operation and its body.
fn split(batch: &[u8]) -> Result<Vec<(u32, &[u8])>, WireError> {
    let mut reader = Reader::new(batch);
    let commands = reader.list(|reader| Ok((reader.u32()?, reader.bytes()?)))?;
    reader.end()?;
    Ok(commands)
}

/// Carries out commands until one fails. Gives the replies and their number.
fn run(machine: &mut Machine, batch: &[u8]) -> (Vec<u8>, u64) {
    let mut replies = Writer::new();
    let mut length = 0;
    let mut executed = 0;
    let commands = match split(batch) {
        Ok(commands) => commands,
        Err(error) => {
            let (status, body) = Failure::from(error).reply();
            replies.u32(status).bytes(&body);
            return (replies.done(), 1);
        }
    };
    for (op, body) in commands {
        let room = ROOM.saturating_sub(length + REPLY_HEADER);
        let result = commands::execute(machine, op, body, room).and_then(|reply| {
            if reply.len() > room {
                let size = reply.len();
                return Err(Failure::Error(format!(
                    "a reply of {size} bytes, {room} are free"
                )));
            }
            Ok(reply)
        });
        executed += 1;
        match result {
            Ok(reply) => {
                replies.u32(abi::ST_OK).bytes(&reply);
                length += REPLY_HEADER + reply.len();
            }
            Err(failure) => {
                let (status, body) = failure.reply();
                replies.u32(status).bytes(&body);
                break;
            }
        }
    }
    (replies.done(), executed)
}

/// Asks the host for a batch of file-system commands in the middle of a program.
///
/// # Errors
/// The first that fails; the program ends with it.
pub fn ask(hypercall: u64, fs: &mut FileSystem) -> Result<(), Failure> {
    door::call(hypercall, []);
    let batch = receive();
    for (op, body) in split(&batch)? {
        commands::execute_deferred(fs, op, body)?;
    }
    Ok(())
}
