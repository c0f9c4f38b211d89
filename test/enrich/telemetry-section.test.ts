import { expect, test } from 'vitest';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';

function read(telemetry?: string) {
  const text = `name: a\nsteps: []\n${telemetry === undefined ? '' : `telemetry: ${telemetry}\n`}`;
  return readPipelineFile(text, { path: 'a.yml', environment: { EMPTY: '' }, stepDefinitions: [] }).telemetry;
}

test.each([
  [undefined, { http: { host: '127.0.0.1', port: 8081, isWritten: false } }],
  ['{}', { http: { host: '127.0.0.1', port: 8081, isWritten: false } }],
  ['{ http: "127.0.0.1:8081" }', { http: { host: '127.0.0.1', port: 8081, isWritten: true } }],
  ['{ http: "localhost:80" }', { http: { host: '127.0.0.1', port: 80, isWritten: true } }],
  ['{ http: "[::1]:0" }', { http: { host: '::1', port: 0, isWritten: true } }],
  ['{ http: off }', {}],
  ['{ http: "off" }', {}],
  ['{ http: false }', {}],
  [
    '{ http: "0.0.0.0:8081", token: "12345678" }',
    { http: { host: '0.0.0.0', port: 8081, isWritten: true, token: '12345678' } },
  ],
  [
    '{ http: "[::]:8081", username: ops, password: "12345678" }',
    { http: { host: '::', port: 8081, isWritten: true, username: 'ops', password: '12345678' } },
  ],
])('telemetry: %s', (written, expected) => {
  expect(read(written)).toEqual(expected);
});

test.each([
  ['{ http: "0.0.0.0:8081" }', /telemetry\.http: 0\.0\.0\.0:8081 can be reached by others: give a token/],
  ['{ http: "[::]:8081" }', /can be reached by others/],
  ['{ http: "192.0.2.1:8081" }', /can be reached by others/],
  ['{ http: "[::ffff:127.0.0.1]:8081" }', /can be reached by others/],
  ['{ http: "8081" }', /expected an address and a port such as "127\.0\.0\.1:8081"/],
  ['{ http: "127.0.0.1:70000" }', /expected an address and a port/],
  ['{ http: "weir.example:8081" }', /expected an address and a port/],
  ['{ token: "short" }', /expected a token of at least 8/],
  ['{ username: ops }', /telemetry: password is missing/],
  ['{ password: "12345678" }', /telemetry: username is missing/],
  ['off', /expected a mapping such as \{ http: "127\.0\.0\.1:8081" \} or \{ http: off \}/],
])('telemetry: %s is a mistake', (written, message) => {
  expect(() => read(written)).toThrow(message);
});
