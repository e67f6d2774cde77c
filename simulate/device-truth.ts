import { LineFiles } from "./line-files.ts";
import type { MessageTruth, Sink } from "./sink.ts";

/** Passes a world's happenings on and writes `truth/devices.csv`: what the device of each reader saw of each mail in an inbox. */
export class DeviceTruth implements Sink {
  private readonly to: Sink;
  private readonly file: LineFiles;
  /** Of messages whose truth is not written yet. */
  private readonly summaries = new Set<string>();
  private readonly seconds = new Map<string, number>();

  constructor(dir: string, to: Sink) {
    this.to = to;
    this.file = new LineFiles(dir, "devices", {
      extension: ".csv",
      header: "campaign_id,user_id,reading,read_seconds",
    });
  }

  event(...told: Parameters<Sink["event"]>): void {
    const [type, , messageId, , , , metadata] = told;
    if (messageId !== undefined && type === "summary_view") this.summaries.add(messageId);
    if (messageId !== undefined && type === "read_time")
      this.seconds.set(messageId, (JSON.parse(metadata) as { seconds: number }).seconds);
    this.to.event(...told);
  }

  strangerEvent(...told: Parameters<Sink["strangerEvent"]>): void {
    this.to.strangerEvent(...told);
  }

  row(...told: Parameters<Sink["row"]>): void {
    this.to.row(...told);
  }

  message(truth: MessageTruth): void {
    const { messageId, campaignId, userId, isInbox, isRead } = truth;
    const sawSummary = this.summaries.delete(messageId);
    const seconds = this.seconds.get(messageId) ?? 0;
    this.seconds.delete(messageId);
    if (isInbox) {
      const reading = isRead ? (sawSummary ? "expanded" : "full") : sawSummary ? "summary" : "none";
      this.file.line(`${campaignId},${userId},${reading},${seconds}`);
    }
    this.to.message(truth);
  }

  close(): void {
    this.file.close();
  }
}
