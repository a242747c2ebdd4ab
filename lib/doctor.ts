import type { DoctorInvocation } from "./invocation.ts";
import type { Config } from "./config_loader.ts";
import { UsageError } from "./errors.ts";

export function doctor(_: DoctorInvocation, __: Config): Promise<number> {
  throw new UsageError("not there yet");
}
