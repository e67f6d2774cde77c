import type { Source } from "../pipeline.ts";
import type { SpoolMessage } from "./spool-frame.ts";

/** What the collector puts accepted messages on: the local spool, or Pub/Sub. */
export interface BusWriter {
  /** Resolves once every message would survive a power cut (or the bus has taken them); rejects when none may count. */
  publish(messages: readonly SpoolMessage[]): Promise<unknown>;
  /**
   * The largest body of a call that it takes as one message, sealed and with its head. A larger call is refused where it comes in: taken and
   * not published it would come again for ever.
   */
  readonly maxBodyBytes?: number | undefined;
  close(): Promise<void>;
}

/** What a message has beside the body of a call: the call's headers, the seal, attributes and the frame's head. */
export const besideBodyBytes = 16 << 10;

/** What the pipeline reads from it; `Source.ack` comes after the commit. */
export type BusSource = Source;
