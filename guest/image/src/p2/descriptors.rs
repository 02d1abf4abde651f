//! wasi:filesystem/types: descriptors.

use alloc::string::String;
use alloc::vec::Vec;

use hypercell_wasi::p2::Open;
use hypercell_wasi::{Call, Errno, FileStat, FileType, Host as _, Wasi};
use wasmtime::Result;
use wasmtime::component::Resource;

use super::clocks::{datetime, nanoseconds};
use super::directories::Listing;
use super::error_codes::{IoError, error_code};
use super::streams::{Input, Output};
use super::wasi::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, Host, HostDescriptor,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use crate::host::GuestHost;
use crate::machine::State;

/// The descriptor of a file or directory.
pub struct File;

type Done<T> = Result<Result<T, ErrorCode>>;
type Times = (Option<u64>, Option<u64>);

pub const fn descriptor_type(filetype: FileType) -> DescriptorType {
    match filetype {
        FileType::Unknown => DescriptorType::Unknown,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::Directory => DescriptorType::Directory,
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::SymbolicLink => DescriptorType::SymbolicLink,
    }
}

fn descriptor_stat(stat: &FileStat) -> DescriptorStat {
    DescriptorStat {
        type_: descriptor_type(stat.filetype),
        link_count: stat.nlink,
        size: stat.size,
        data_access_timestamp: Some(datetime(stat.atim)),
        data_modification_timestamp: Some(datetime(stat.mtim)),
        status_change_timestamp: Some(datetime(stat.ctim)),
    }
}

/// The same for all names and descriptors of a file, and for no other file.
const fn hash(stat: &FileStat) -> MetadataHashValue {
    MetadataHashValue {
        lower: stat.ino,
        upper: stat.dev,
    }
}

fn follow(flags: PathFlags) -> bool {
    flags.contains(PathFlags::SYMLINK_FOLLOW)
}

impl State {
    /// Does something with files; an error number becomes an error code.
    fn files<T>(
        &mut self,
        action: impl FnOnce(&mut Wasi, &mut Call<'_, GuestHost>) -> Result<T, Errno>,
    ) -> Done<T> {
        Ok(self.world(action)?.map_err(error_code))
    }

    fn times(&mut self, access: NewTimestamp, change: NewTimestamp) -> Result<Times, ErrorCode> {
        let now = self.host.realtime();
        let time = |new| match new {
            NewTimestamp::NoChange => Ok(None),
            NewTimestamp::Now => Ok(Some(now)),
            NewTimestamp::Timestamp(when) => match nanoseconds(when) {
                Some(time) => Ok(Some(time)),
                None => Err(ErrorCode::Overflow),
            },
        };
        Ok((time(access)?, time(change)?))
    }
}

impl Host for State {
    fn filesystem_error_code(&mut self, error: Resource<IoError>) -> Result<Option<ErrorCode>> {
        Ok(Some(error_code(self.resources.get(&error)?.0)))
    }
}

impl HostDescriptor for State {
    fn read_via_stream(&mut self, file: Resource<File>, offset: u64) -> Done<Resource<Input>> {
        let fd = self.files(|wasi, call| wasi.read_via_stream(call, file.rep(), offset))?;
        Ok(fd.map(Resource::new_own))
    }

    fn write_via_stream(&mut self, file: Resource<File>, offset: u64) -> Done<Resource<Output>> {
        let at = Some(offset);
        let fd = self.files(|wasi, call| wasi.write_via_stream(call, file.rep(), at))?;
        Ok(fd.map(Resource::new_own))
    }

    fn append_via_stream(&mut self, file: Resource<File>) -> Done<Resource<Output>> {
        let fd = self.files(|wasi, call| wasi.write_via_stream(call, file.rep(), None))?;
        Ok(fd.map(Resource::new_own))
    }

    fn advise(&mut self, file: Resource<File>, _: u64, _: u64, _: Advice) -> Done<()> {
        self.files(|wasi, call| wasi.advise_fd(call, file.rep()))
    }

    fn sync_data(&mut self, file: Resource<File>) -> Done<()> {
        self.files(|wasi, _| wasi.sync_fd(file.rep()))
    }

    fn sync(&mut self, file: Resource<File>) -> Done<()> {
        self.sync_data(file)
    }

    fn get_flags(&mut self, file: Resource<File>) -> Done<DescriptorFlags> {
        let access = self.files(|wasi, call| wasi.access(call, file.rep()))?;
        Ok(access.map(|(_, [read, write, mutate])| {
            let mut flags = DescriptorFlags::empty();
            for (has, flag) in [
                (read, DescriptorFlags::READ),
                (write, DescriptorFlags::WRITE),
                (mutate, DescriptorFlags::MUTATE_DIRECTORY),
            ] {
                if has {
                    flags |= flag;
                }
            }
            flags
        }))
    }

    fn get_type(&mut self, file: Resource<File>) -> Done<DescriptorType> {
        let access = self.files(|wasi, call| wasi.access(call, file.rep()))?;
        Ok(access.map(|(filetype, _)| descriptor_type(filetype)))
    }

    fn set_size(&mut self, file: Resource<File>, size: u64) -> Done<()> {
        self.files(|wasi, call| wasi.set_size(call, file.rep(), size))
    }

    fn set_times(
        &mut self,
        file: Resource<File>,
        access: NewTimestamp,
        change: NewTimestamp,
    ) -> Done<()> {
        match self.times(access, change) {
            Ok(times) => self.files(|wasi, call| wasi.set_fd_times(call, file.rep(), times)),
            Err(code) => Ok(Err(code)),
        }
    }

    fn read(&mut self, file: Resource<File>, length: u64, offset: u64) -> Done<(Vec<u8>, bool)> {
        self.files(|wasi, call| wasi.read_at(call, file.rep(), length, offset))
    }

    fn write(&mut self, file: Resource<File>, buffer: Vec<u8>, offset: u64) -> Done<u64> {
        self.files(|wasi, call| wasi.write_at(call, file.rep(), &buffer, offset))
    }

    fn read_directory(&mut self, file: Resource<File>) -> Done<Resource<Listing>> {
        let fd = match self.files(|wasi, call| wasi.read_directory(call, file.rep()))? {
            Ok(fd) => fd,
            Err(code) => return Ok(Err(code)),
        };
        Ok(Ok(self.resources.push(Listing { fd, cookie: 0 })?))
    }

    fn create_directory_at(&mut self, file: Resource<File>, path: String) -> Done<()> {
        self.files(|wasi, call| wasi.create_directory_at(call, (file.rep(), &path)))
    }

    fn stat(&mut self, file: Resource<File>) -> Done<DescriptorStat> {
        let stat = self.files(|wasi, call| wasi.stat(call, file.rep()))?;
        Ok(stat.map(|stat| descriptor_stat(&stat)))
    }

    fn stat_at(
        &mut self,
        file: Resource<File>,
        flags: PathFlags,
        path: String,
    ) -> Done<DescriptorStat> {
        let at = (file.rep(), path.as_str());
        let stat = self.files(|wasi, call| wasi.stat_at(call, at, follow(flags)))?;
        Ok(stat.map(|stat| descriptor_stat(&stat)))
    }

    fn set_times_at(
        &mut self,
        file: Resource<File>,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        change: NewTimestamp,
    ) -> Done<()> {
        let at = (file.rep(), path.as_str());
        match self.times(access, change) {
            Ok(times) => self.files(|wasi, call| wasi.set_times_at(call, at, follow(flags), times)),
            Err(code) => Ok(Err(code)),
        }
    }

    fn link_at(
        &mut self,
        file: Resource<File>,
        flags: PathFlags,
        old: String,
        directory: Resource<File>,
        new: String,
    ) -> Done<()> {
        let (old, new) = ((file.rep(), old.as_str()), (directory.rep(), new.as_str()));
        self.files(|wasi, call| wasi.link_at(call, old, follow(flags), new))
    }

    fn open_at(
        &mut self,
        file: Resource<File>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> Done<Resource<File>> {
        let mut open = Open {
            follow: follow(path_flags),
            flags: 0,
            read: flags.contains(DescriptorFlags::READ),
            write: flags.contains(DescriptorFlags::WRITE),
        };
        for (bit, flag) in [
            OpenFlags::CREATE,
            OpenFlags::DIRECTORY,
            OpenFlags::EXCLUSIVE,
            OpenFlags::TRUNCATE,
        ]
        .into_iter()
        .enumerate()
        {
            open.flags |= u32::from(open_flags.contains(flag)) << bit;
        }
        let at = (file.rep(), path.as_str());
        let fd = self.files(|wasi, call| wasi.open_at(call, at, open))?;
        Ok(fd.map(Resource::new_own))
    }

    fn readlink_at(&mut self, file: Resource<File>, path: String) -> Done<String> {
        self.files(|wasi, call| wasi.readlink_at(call, (file.rep(), &path)))
    }

    fn remove_directory_at(&mut self, file: Resource<File>, path: String) -> Done<()> {
        self.files(|wasi, call| wasi.remove_directory_at(call, (file.rep(), &path)))
    }

    fn rename_at(
        &mut self,
        file: Resource<File>,
        old: String,
        directory: Resource<File>,
        new: String,
    ) -> Done<()> {
        let (old, new) = ((file.rep(), old.as_str()), (directory.rep(), new.as_str()));
        self.files(|wasi, call| wasi.rename_at(call, old, new))
    }

    fn symlink_at(&mut self, file: Resource<File>, target: String, path: String) -> Done<()> {
        self.files(|wasi, call| wasi.symlink_at(call, &target, (file.rep(), &path)))
    }

    fn unlink_file_at(&mut self, file: Resource<File>, path: String) -> Done<()> {
        self.files(|wasi, call| wasi.unlink_file_at(call, (file.rep(), &path)))
    }

    fn is_same_object(&mut self, file: Resource<File>, other: Resource<File>) -> Result<bool> {
        let both = self.world(|wasi, call| {
            let one = wasi.stat(call, file.rep())?;
            Ok::<_, Errno>(one.ino == wasi.stat(call, other.rep())?.ino)
        })?;
        Ok(both.unwrap_or(false))
    }

    fn metadata_hash(&mut self, file: Resource<File>) -> Done<MetadataHashValue> {
        let stat = self.files(|wasi, call| wasi.stat(call, file.rep()))?;
        Ok(stat.map(|stat| hash(&stat)))
    }

    fn metadata_hash_at(
        &mut self,
        file: Resource<File>,
        flags: PathFlags,
        path: String,
    ) -> Done<MetadataHashValue> {
        let at = (file.rep(), path.as_str());
        let stat = self.files(|wasi, call| wasi.stat_at(call, at, follow(flags)))?;
        Ok(stat.map(|stat| hash(&stat)))
    }

    fn drop(&mut self, file: Resource<File>) -> Result<()> {
        self.world(|wasi, call| wasi.close_fd(call, file.rep()))
    }
}
