export interface StatusOptions {
  readonly port: number;
  readonly statusHost: string;
  readonly statusPort?: number;
}

/** Where a service tells readiness, metrics and its interface: by default at the port after its own, which is any free one where that is. */
export const statusListener = ({ port, statusHost, statusPort }: StatusOptions) => ({
  host: statusHost,
  port: statusPort ?? (port === 0 ? 0 : port + 1),
});
