import type { HistoryInvocation } from "./invocation.ts";
import type { Config } from "./config_loader.ts";
import { UsageError } from "./errors.ts";

export function history(_: HistoryInvocation, __: Config): number {
  throw new UsageError("not there yet");
}
