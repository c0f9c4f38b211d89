// What the process was given from outside: the environment. The only file that reads it; the pipeline file names its variables.

export function readEnvironment(): Readonly<Record<string, string>> {
  const environment: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** How many sockets systemd gave to this process (sd_listen_fds(3)); 0 when none, or when they were meant for another one. */
export function countInheritedSockets(): number {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  const count = Number(LISTEN_FDS);
  return Number(LISTEN_PID) === process.pid && Number.isInteger(count) && count > 0 && count <= 64 ? count : 0;
}
