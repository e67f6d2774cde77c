import { UserError } from "../errors/user-error.ts";

/** A file or folder of a run that could not be read. Nothing of it is taken in, the rest of the run is; the same command takes it once it is mended. */
export interface Unreadable {
  readonly path: string;
  /** The code of the error that it would be by itself. */
  readonly code: string;
  readonly why: string;
  readonly next: string | null;
}

/** Told of what is left out of a run. Without one such a file is the error that ends it. */
export type SetAside = (one: Unreadable) => void;

/** What the operating system says of one path; a full disk or too many open files is everybody's trouble. */
const ofOnePath: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "no such file",
  ENOTDIR: "a part of its path is no folder",
  EISDIR: "it is a folder",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  ENXIO: "it is no file",
  ENODEV: "it is no file",
  EIO: "the disk cannot read it",
  ESTALE: "the file server has lost it",
  EBUSY: "it is in use",
};

/** Errors of ours that are about one file and not about the command. */
const ofOneFile: ReadonlySet<string> = new Set([
  "ingest.no-file",
  "ingest.damaged-archive",
  "ingest.damaged-file",
  "ingest.zip",
  "ingest.zstd",
  "ingest.document-too-large",
  "ingest.not-utf8",
  "ingest.repeated-column",
]);

/** The same error as one that a person can act on, where it is about the file at `path` alone; undefined for any other. */
export function fileError(path: string, error: unknown): UserError | undefined {
  if (error instanceof UserError) return ofOneFile.has(error.code) ? error : undefined;
  const { code = "" } = (error ?? {}) as NodeJS.ErrnoException;
  const words = ofOnePath[code];
  if (words === undefined) return undefined;
  return new UserError(`it cannot be read, ${words} (${code}): ${path}`, {
    code: "ingest.no-file",
    exit: "usage",
    where: path,
    next: `ls -l ${path}`,
    cause: error,
  });
}

/** Sets the file aside whose error this is; throws it where nobody listens, and any other error. */
export function putAside(path: string, error: unknown, setAside: SetAside | undefined): void {
  const known = fileError(path, error);
  if (known === undefined || setAside === undefined) throw known ?? error;
  setAside({ path, code: known.code, why: known.message, next: known.next ?? null });
}

/** What lies at a path that is neither a file nor a folder: to open it may wait for ever. */
export const noFile = (path: string): UserError =>
  new UserError(`it is no file but a pipe, socket or device: ${path}`, {
    code: "ingest.no-file",
    exit: "usage",
    where: path,
    next: "write what it gives into a file first",
  });
