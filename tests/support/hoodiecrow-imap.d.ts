declare module "hoodiecrow-imap" {
  import type { Server } from "node:net";

  interface ImapServer {
    readonly server: Server;
    listen(port: number, host: string, listening: () => void): void;
    appendMessage(mailbox: string, flags: readonly string[], date: Date, raw: string): void;
    getMailbox(path: string): { readonly messages: readonly object[] };
  }
  export default function hoodiecrow(options: object): ImapServer;
}
