import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { attributions } from '../../src/enrich/attributions.ts';

it('the attributions that weir logs are those of docs/geoip.md', () => {
  const page = readFileSync(new URL('../../docs/geoip.md', import.meta.url), 'utf8').replaceAll(/[<>]/g, '');
  for (const attribution of attributions) expect(page).toContain(attribution);
});

it('every maker whose licence asks for it is named in an attribution and in NOTICE', () => {
  const notice = readFileSync(new URL('../../NOTICE', import.meta.url), 'utf8');
  for (const maker of ['https://db-ip.com', 'https://www.routeviews.org', 'https://www.nro.net']) {
    expect(attributions.join('\n')).toContain(maker);
    expect(notice).toContain(maker);
  }
});
