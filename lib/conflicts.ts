import type { ConflictsInvocation } from "./invocation.ts";
import type { Config } from "./config_loader.ts";
import { UsageError } from "./errors.ts";

export function conflicts(_: ConflictsInvocation, __: Config): Promise<number> {
  throw new UsageError("not there yet");
}
