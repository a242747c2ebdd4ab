/**
 * Files whose disk or system refuses a call.
 *
 * @module
 */
import { type FaultyOffice, fileFault } from "./file_faults_support.ts";
import type { Disturbance } from "./support.ts";

/** A call on a path that gives an error, each time or at certain times. */
function refusing(
  call: string,
  error: string,
  path: (office: FaultyOffice) => string,
  when = "1+",
): (office: FaultyOffice) => Disturbance {
  return (office) => ({
    strace: [
      `--trace=${call}`,
      `--inject=${call}:error=${error}:when=${when}`,
      "-P",
      path(office),
    ],
  });
}

const source = ({ from }: FaultyOffice): string => `${from}/bad.txt`;
const target = ({ to }: FaultyOffice): string => `${to}/bad.txt`;
/** Copies are written aside in the order of their names. */
const aside = (office: FaultyOffice): string => office.temporary(2);

const DISK = /the disk reports an error.* \(EIO\)/;
const BUSY = /in use by another program \(EBUSY\)/;

fileFault({
  name: "a file that can't be read to the end fails (EIO)",
  change: "new",
  how: refusing("read", "EIO", source),
  why: DISK,
});
fileFault({
  name: "a new version that can't be read fails, the old one stays (EIO)",
  change: "changed",
  how: refusing("read", "EIO", source),
  why: DISK,
});
fileFault({
  name: "a file whose copy can't be written fails (EIO)",
  change: "new",
  how: refusing("write", "EIO", aside),
  why: DISK,
});
fileFault({
  name: "a file whose copy can't be flushed fails (EIO)",
  change: "new",
  how: refusing("fsync", "EIO", aside),
  why: DISK,
});
fileFault({
  name: "a new version that can't be flushed fails, the old one stays (EIO)",
  change: "changed",
  how: refusing("fsync", "EIO", aside),
  why: DISK,
});
fileFault({
  name: "a file that can't be looked at is left alone (EIO)",
  change: "new",
  how: refusing("statx", "EIO", source),
  why: DISK,
});
fileFault({
  name: "a file whose times can't be set fails (EIO)",
  change: "new",
  how: refusing("utimensat", "EIO", aside),
  why: DISK,
});
fileFault({
  name: "a file that may not be read fails (EACCES)",
  change: "new",
  how: refusing("openat", "EACCES", source),
  why: /access is denied.* \(EACCES\)/,
});
fileFault({
  name: "a file for which too many are open fails (EMFILE)",
  change: "new",
  how: refusing("openat", "EMFILE", source),
  why: /too many files are open.* \(EMFILE\)/,
});
fileFault({
  name: "a file for whose copy too many are open fails (EMFILE)",
  change: "changed",
  how: refusing("openat", "EMFILE", aside),
  why: /too many files are open.* \(EMFILE\)/,
});
fileFault({
  name: "a name that the target can't hold fails (ENAMETOOLONG)",
  change: "new",
  how: refusing("linkat", "ENAMETOOLONG", target),
  why: /the name is too long for the disk.* \(ENAMETOOLONG\)/,
});
fileFault({
  name: "a file that is in use is skipped (EBUSY)",
  change: "changed",
  how: refusing("rename", "EBUSY", target),
  why: BUSY,
});
fileFault({
  name: "a file that is in use for a moment is tried again (EBUSY)",
  change: "changed",
  how: refusing("rename", "EBUSY", target, "1..3"),
  why: null,
});
fileFault({
  name: "a new file in use for a moment is tried again (EBUSY)",
  change: "new",
  how: refusing("openat", "EBUSY", source, "1..2"),
  why: null,
});
fileFault({
  name: "a file that is in use is not deleted but skipped (EBUSY)",
  change: "deleted",
  how: refusing("rename", "EBUSY", target),
  why: BUSY,
});
fileFault({
  name: "a file that can't be moved to soft delete fails, and is there (EIO)",
  change: "deleted",
  how: refusing("rename", "EIO", target),
  why: DISK,
});
fileFault({
  name: "a file that is locked while it is read is skipped (EAGAIN)",
  change: "changed",
  how: refusing("read", "EAGAIN", source),
  why: /in use by another program \(EAGAIN\)/,
});
fileFault({
  name: "a file on a disk that became read-only fails (EROFS)",
  change: "changed",
  how: refusing("openat", "EROFS", aside),
  why: /the disk is read-only.* \(EROFS\)/,
});
