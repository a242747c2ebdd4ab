/**
 * Gives a copy on Windows what belongs to a file that is there: when it was
 * created, attributes and access rights. It takes FFI, so a process with all
 * permissions.
 *
 * @module
 */
import {
  hasFfi,
  howToOpen,
  INVALID_HANDLE,
  PARAMETERS_OF_OPEN,
} from "./files_list_windows.ts";

const INFORMATION = ["isize", "i32", "buffer", "u32"] as const;
const RIGHTS = ["isize", "u32", "buffer"] as const;

function openSystem() {
  const kernel = Deno.dlopen("kernel32.dll", {
    CreateFileW: { parameters: PARAMETERS_OF_OPEN, result: "isize" },
    CloseHandle: { parameters: ["isize"], result: "i32" },
    GetFileInformationByHandleEx: { parameters: INFORMATION, result: "i32" },
    SetFileInformationByHandle: { parameters: INFORMATION, result: "i32" },
  });
  // These take what is inherited as it stands, and ask nothing of the folder.
  const security = Deno.dlopen("advapi32.dll", {
    GetKernelObjectSecurity: {
      parameters: [...RIGHTS, "u32", "buffer"],
      result: "i32",
    },
    SetKernelObjectSecurity: { parameters: RIGHTS, result: "i32" },
  });
  return { ...kernel.symbols, ...security.symbols };
}

/** Opened for the first file that needs it, and open as long as the thread. */
let system: ReturnType<typeof openSystem> | null = null;

const FILE_READ_ATTRIBUTES = 0x80;
const FILE_WRITE_ATTRIBUTES = 0x100;
const READ_CONTROL = 0x2_0000;
const WRITE_DAC = 0x4_0000;
const WRITE_OWNER = 0x8_0000;

const FILE_BASIC_INFO = 0;
const DACL = 4;
const OWNER_GROUP_AND_DACL = 7;

/**
 * Gives a file what belongs to another, as far as the system lets this
 * account: what it refuses is no failure. Nothing is done without FFI.
 *
 * @param from Absolute path of the other one.
 * @param to Absolute path of the file. Its content and mtime stay.
 */
export function keepBelongings(from: string, to: string): void {
  if (!hasFfi()) return;
  const calls = system ??= openSystem();
  const basic = new Uint8Array(40);
  // No list of rights is longer.
  const rights = new Uint8Array(65_536);
  const asked = READ_CONTROL | FILE_READ_ATTRIBUTES;
  const hasRights = withOpen(from, asked, (handle) => {
    calls.GetFileInformationByHandleEx(handle, FILE_BASIC_INFO, basic, 40);
    const [parts, needed] = [OWNER_GROUP_AND_DACL, new Uint32Array(1)];
    const call = [handle, parts, rights, rights.length, needed] as const;
    return calls.GetKernelObjectSecurity(...call) !== 0 && toBeSet(rights);
  });
  toBeKept(basic);
  const parts = hasRights ? [OWNER_GROUP_AND_DACL, DACL] : [];
  for (const access of [WRITE_OWNER | WRITE_DAC, WRITE_DAC, 0]) {
    const isOpen = withOpen(to, access | FILE_WRITE_ATTRIBUTES, (handle) => {
      parts.some((it) => calls.SetKernelObjectSecurity(handle, it, rights));
      calls.SetFileInformationByHandle(handle, FILE_BASIC_INFO, basic, 40);
      return true;
    });
    if (isOpen) return;
  }
}

/** Does something with a file; false where it can't be opened. */
function withOpen(
  path: string,
  access: number,
  act: (handle: bigint) => boolean,
): boolean {
  const handle = system!.CreateFileW(...howToOpen(path, access));
  if (handle === INVALID_HANDLE) return false;
  const is = act(handle);
  system!.CloseHandle(handle);
  return is;
}

/** Read-only, hidden, system, and not indexed: those that a person sets. */
const KEPT_ATTRIBUTES = 0x2007;
/** To be backed up, as whatever was written to. */
const FILE_ATTRIBUTE_ARCHIVE = 0x20;

/**
 * Leaves of a `FILE_BASIC_INFO` what a new version gets of the old one. A time
 * of 0 is not set.
 */
export function toBeKept(basic: Uint8Array<ArrayBuffer>): void {
  const view = new DataView(basic.buffer);
  basic.fill(0, 8, 32);
  const kept = view.getUint32(32, true) & KEPT_ATTRIBUTES;
  view.setUint32(32, kept | FILE_ATTRIBUTE_ARCHIVE, true);
}

const SE_DACL_AUTO_INHERIT_REQ = 0x100;
const SE_DACL_AUTO_INHERITED = 0x400;

/**
 * Makes a `SECURITY_DESCRIPTOR` one that can be set: the mark that its rights
 * follow those of the folder is lost where it is not asked for.
 *
 * @returns False: it lists no rights, and would let in everybody.
 */
export function toBeSet(rights: Uint8Array<ArrayBuffer>): boolean {
  const view = new DataView(rights.buffer);
  const control = view.getUint16(2, true);
  const asked = control & SE_DACL_AUTO_INHERITED ? SE_DACL_AUTO_INHERIT_REQ : 0;
  view.setUint16(2, control | asked, true);
  return view.getUint32(16, true) !== 0;
}
