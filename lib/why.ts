import type { WhyInvocation } from "./invocation.ts";
import type { Config } from "./config_loader.ts";
import { UsageError } from "./errors.ts";

export function why(_: WhyInvocation, __: Config): Promise<number> {
  throw new UsageError("not there yet");
}
