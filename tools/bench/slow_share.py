"""Shows a folder a second time, with a delay on every call: a slow share.

slow_share.py FOLDER PLACE DELAY_MS LONGEST_NAME, as root. Ends when it is
unmounted. Calls wait side by side, as on a network, where only the way is
long. The kernel keeps names and attributes for a second, as clients of SMB
and NFS do. How many calls there were is told as the number of the disk's
files, which nobody else wants to know of it.

Calls that the file FOLDER.hold names, by a pattern for "OPERATION PATH", are
not answered as long as it does: a share that hangs. FOLDER.held is made when
there is one.
"""

import errno
import os
import re
import stat
import sys
import threading
import time

from fusepy import FUSE, FuseOSError, Operations

# Nobody waits for the end of these.
UNAWAITED = {"init", "destroy", "release", "releasedir", "statfs"}

# The kernel asks for one thing; the library then asks for attributes as well.
WITH_ATTRIBUTES = {"create", "mkdir", "link", "chmod", "chown", "truncate", "utimens"}


class SlowShare(Operations):
    use_ns = True
    # The kernel asks once for what is not there, and then never again.
    flush = lock = getxattr = setxattr = listxattr = removexattr = None

    def __init__(self, folder, delay_ms, longest_name):
        self.folder = folder
        self.delay_s = delay_ms / 1000
        self.longest_name = longest_name
        self.calls = 0
        self.counting = threading.Lock()
        # Threads of the library that ask for attributes next. Python's own
        # data of a thread would be gone: it meets a new one with each call.
        self.answering = set()

    def __call__(self, op, path, *args):
        thread = threading.get_ident()
        is_part = op == "getattr" and thread in self.answering
        self.answering.discard(thread)
        if not is_part and op not in UNAWAITED:
            with self.counting:
                self.calls += 1
            time.sleep(self.delay_s)
            self.hold(op, path)
        for name in [path, args[0]] if op in ("rename", "link") else [path]:
            if len(os.path.basename(os.fsencode(name))) > self.longest_name:
                raise FuseOSError(errno.ENAMETOOLONG)
        result = getattr(self, op)(path, *args)
        if op in WITH_ATTRIBUTES:
            self.answering.add(thread)
        return result

    def hold(self, op, path):
        while self.is_held(f"{op} {path}"):
            with open(f"{self.folder}.held", "w"):
                pass
            time.sleep(0.01)

    def is_held(self, call):
        try:
            with open(f"{self.folder}.hold") as file:
                return re.fullmatch(file.read(), call) is not None
        except FileNotFoundError:
            return False

    def real(self, path):
        return self.folder + path

    def getattr(self, path, fh=None):
        found = os.lstat(self.real(path))
        names = ("mode", "ino", "nlink", "uid", "gid", "size", "blocks")
        told = {f"st_{name}": getattr(found, f"st_{name}") for name in names}
        for name in ("atime", "mtime", "ctime"):
            told[f"st_{name}"] = getattr(found, f"st_{name}_ns")
        return told

    def readdir(self, path, fh):
        # With their kinds, as servers tell them: nobody has to ask for each.
        yield from (".", "..")
        for entry in os.scandir(self.real(path)):
            kind = stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else stat.S_IFREG
            kind = stat.S_IFLNK if entry.is_symlink() else kind
            yield entry.name, {"st_mode": kind, "st_ino": entry.inode()}, 0

    def create(self, path, mode, fi=None):
        return os.open(self.real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def open(self, path, flags):
        return os.open(self.real(path), flags & os.O_ACCMODE)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(self.real(path), length)

    def fsync(self, path, datasync, fh):
        os.fsync(fh)

    def fsyncdir(self, path, datasync, fh):
        folder = os.open(self.real(path), os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def release(self, path, fh):
        os.close(fh)

    def mkdir(self, path, mode):
        os.mkdir(self.real(path), mode)

    def rmdir(self, path):
        os.rmdir(self.real(path))

    def unlink(self, path):
        os.unlink(self.real(path))

    def rename(self, old, new):
        os.rename(self.real(old), self.real(new))

    def link(self, target, source):
        os.link(self.real(source), self.real(target))

    def chmod(self, path, mode):
        os.chmod(self.real(path), mode)

    def utimens(self, path, times=None):
        os.utime(self.real(path), ns=times or (time.time_ns(), time.time_ns()))

    def statfs(self, path):
        space = os.statvfs(self.folder)
        names = ("bsize", "frsize", "blocks", "bfree", "bavail", "ffree")
        told = {f"f_{name}": getattr(space, f"f_{name}") for name in names}
        return {**told, "f_files": self.calls, "f_namemax": self.longest_name}


folder, place, delay_ms, longest_name = sys.argv[1:]
FUSE(
    SlowShare(folder, float(delay_ms), int(longest_name)),
    place,
    allow_other=True,
    default_permissions=True,
    use_ino=True,
    hard_remove=True,
    big_writes=True,
)
