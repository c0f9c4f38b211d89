// A log record as a readable line, for terminals. A file of its own: what it loads would slow down every other start.

import { prettyFactory } from 'pino-pretty';

export const createPrettyLine = (colorize = true): ((record: object) => string) =>
  prettyFactory({ colorize, ignore: 'pid,hostname', translateTime: 'HH:MM:ss' });
