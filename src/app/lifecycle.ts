// Signals: the first SIGTERM or SIGINT asks for an orderly stop, the second ends the process at once; SIGHUP asks to read the
// pipeline file again.

/** Of a process that a signal ended, as shells count. */
export const exitCodeOf = { SIGINT: 130, SIGTERM: 143 } as const;

export type StopSignal = keyof typeof exitCodeOf;

/** Resolves at the first signal, with its name. */
export function waitForStopSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: StopSignal): void => {
      if (asked) process.exit(exitCodeOf[signal]);
      asked = true;
      resolve(signal);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

/** Calls back at each SIGHUP from `listen` on; one that came before is not lost. From here on SIGHUP does not end the process. */
export function waitForReloadSignals(): (listener: () => void) => void {
  let isAsked = false;
  let tell = (): void => {
    isAsked = true;
  };
  process.on('SIGHUP', () => tell());
  return (listener) => {
    tell = listener;
    if (isAsked) listener();
  };
}

/** What `work` gives, or undefined after `limitMs`. */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
