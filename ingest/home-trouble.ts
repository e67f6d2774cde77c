import { UserError } from "../errors/user-error.ts";

/** What the operating system says of a home that cannot be used, in words; any other error as it is. */
export function homeTrouble(error: unknown, raw: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const message = error instanceof Error ? error.message : "";
  if (
    code === "ENOSPC" ||
    code === "EDQUOT" ||
    code === "EFBIG" ||
    /no space left|disk quota|file too large/i.test(message)
  ) {
    return new UserError("the disk is full", {
      code: "ingest.disk-full",
      exit: "remote",
      where: raw,
      next: "make room and run it again: what was committed stays, the rest goes on from there",
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOTDIR" || code === "EEXIST") {
    return new UserError(`this home cannot be written (${code})`, {
      code: "ingest.home-unusable",
      exit: "config",
      where: (error as NodeJS.ErrnoException).path ?? raw,
      next: "inboxloop --home <another folder> ingest file ...",
      cause: error,
    });
  }
  return error;
}
