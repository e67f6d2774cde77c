/** 2^24 lines a day; with 2^29 ms between its first and last arrival a key still fits 53 bits. */
const INDEX_SPAN = 16_777_216;

/**
 * Lines under way on one day, as bytes outside the heap: hundreds of thousands of short-lived texts kept as strings would
 * cost more in garbage collection than everything else here. Lines are ASCII.
 */
export class WaitingLines {
  private bytes = Buffer.allocUnsafeSlow(1 << 16);
  private used = 0;
  private readonly times: number[] = [];
  private readonly starts: number[] = [];
  private readonly kinds: number[] = [];

  get count(): number {
    return this.times.length;
  }

  add(at: number, line: string, kind: number): void {
    this.reserve(line.length);
    this.note(at, kind);
    this.used += this.bytes.write(line, this.used, "latin1");
  }

  /** Takes over a line of another day. */
  addFrom(at: number, source: WaitingLines, index: number, kind: number): void {
    const line = source.line(index);
    this.reserve(line.length);
    this.note(at, kind);
    this.bytes.set(line, this.used);
    this.used += line.length;
  }

  time(index: number): number {
    return this.times[index]!;
  }

  kind(index: number): number {
    return this.kinds[index]!;
  }

  line(index: number): Uint8Array {
    return this.bytes.subarray(this.starts[index]!, this.starts[index + 1] ?? this.used);
  }

  /** Indices by arrival; equal times in the order in which they were added. */
  inOrder(): Uint32Array {
    const { times } = this;
    if (times.length > INDEX_SPAN) throw new Error(`${times.length} lines on one day are more than this is made for`);
    // Time and index in one number: sorted natively, without a call per comparison.
    let first = Number.POSITIVE_INFINITY;
    for (const time of times) if (time < first) first = time;
    const keys = new Float64Array(times.length);
    for (let i = 0; i < keys.length; i++) keys[i] = (times[i]! - first) * INDEX_SPAN + i;
    keys.sort();
    return Uint32Array.from(keys, (key) => key % INDEX_SPAN);
  }

  private note(at: number, kind: number): void {
    this.times.push(at);
    this.starts.push(this.used);
    this.kinds.push(kind);
  }

  private reserve(length: number): void {
    if (this.used + length <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.used + length));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
  }
}
