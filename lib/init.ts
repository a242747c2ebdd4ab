import type { InitInvocation } from "./invocation.ts";
import { UsageError } from "./errors.ts";

export function init(_: InitInvocation): Promise<number> {
  throw new UsageError("not there yet");
}
