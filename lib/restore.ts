import type { RestoreInvocation } from "./invocation.ts";
import type { Config } from "./config_loader.ts";
import { UsageError } from "./errors.ts";

export function restore(_: RestoreInvocation, __: Config): Promise<number> {
  throw new UsageError("not there yet");
}
