// The status page of the built program in a browser: what an engineer sees, with a keyboard, in light and dark, on a phone; and what
// an exporter's strings can't do to it.

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNetflow9Exporter } from '../../src/app/demo/build-netflow9.ts';
import { describeWith } from '../needs.ts';
import { startElasticsearchDouble } from '../servers/elasticsearch-double.ts';
import { freePort } from '../servers/free-port.ts';
import { createFlowSender, numberedFlow } from './numbered-flows.ts';
import { startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const hostileName = '<img src=x>';
const hostileDescription = '"><img src=x onerror=hacked()>';

describeWith(['chromium'], 'the status page', () => {
  let folder: string;
  let weir: WeirProcess;
  let address: string;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-page-'));
    address = `http://127.0.0.1:${await freePort()}`;
    weir = await startWeir({ folder, telemetry: `{ http: "${new URL(address).host}" }` });
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    await sendFlows();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await weir?.stop('SIGKILL');
    await rm(folder, { recursive: true });
  });

  /** NetFlow v5 and v9, from one address, the latter with a hostile interface name in options data. */
  async function sendFlows(): Promise<void> {
    const sender = createFlowSender(weir.port);
    await sender.send(60);
    sender.close();
    const nowMs = Date.now();
    const exporter = createNetflow9Exporter({
      bootedAtMs: nowMs - 100_000,
      sourceId: 7,
      samplingInterval: 100,
      interfaces: [1, 2].map((index) => ({ index, name: hostileName, description: hostileDescription })),
    });
    const socket = createSocket('udp4');
    for (const datagram of [exporter.templates(nowMs), exporter.datagram([numberedFlow(9999, nowMs)], nowMs)])
      await new Promise<void>((resolve) => socket.send(datagram, weir.port, '127.0.0.1', () => resolve()));
    socket.close();
  }

  interface Opened {
    readonly page: Page;
    /** What the browser asked for, and what it complained of. */
    readonly asked: string[];
    readonly complaints: string[];
  }

  async function open(options: BrowserContextOptions = {}, at = address): Promise<Opened> {
    const page = await browser.newPage(options);
    const [asked, complaints]: [string[], string[]] = [[], []];
    page.on('request', (request) => asked.push(request.url()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => complaints.push(`dialog ${dialog.message()}`));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await page.goto(`${at}/`);
    await page.locator('body[data-state=shown]').waitFor();
    return { page, asked, complaints };
  }

  async function findFaults(page: Page): Promise<string[]> {
    await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => {
      const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<AxeResults> } };
      return axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }

  test('shows at once what came, asks nobody else, and complains of nothing', async () => {
    const { page, asked, complaints } = await open();
    await page.getByRole('rowheader', { name: '127.0.0.1' }).waitFor();
    const row = await page.getByRole('row', { name: '127.0.0.1' }).innerText();
    expect(row).toContain('NetFlow v5');
    expect(row).toContain('NetFlow v9');
    for (const name of ['Collect', 'Decode', 'Queue', 'Enrich', 'Index'])
      expect(await page.getByRole('heading', { name, exact: true }).count(), name).toBe(1);
    await page.getByRole('cell', { name: '8.8.8.8' }).first().waitFor();
    expect(asked.filter((url) => new URL(url).origin !== address)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('shows what an exporter calls its interfaces as text, whatever it is', async () => {
    const { page, complaints } = await open();
    await page.getByLabel('Filter').last().fill('flow.src_addr:10.0.39.15');
    await page.getByRole('button', { name: 'Watch' }).click();
    await page.getByText('Waiting for the first document.').waitFor();
    // Documents of before are gone: only those count that come while somebody watches.
    await waitUntil(
      async () => {
        await sendFlows();
        return (await page.locator('.tail li').count()) > 0;
      },
      20_000,
      'a document in the tail',
    );
    const line = page.locator('.tail li').last();
    await waitUntil(async () => (await line.innerText()).includes(hostileName), 5000, 'the name of the interface');
    await line.locator('summary').click();
    await waitUntil(
      async () => (await line.locator('pre').innerText()).includes(hostileName),
      5000,
      'the whole document',
    );
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.evaluate(() => 'hacked' in globalThis)).toBe(false);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each([
    ['light', 1600],
    ['dark', 1280],
    ['dark', 390],
  ] as const)('has no fault that axe-core finds, %s, %d pixels wide', async (colorScheme, width) => {
    const { page } = await open({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' });
    await page.locator('#configuration-details summary').click();
    await page.getByText('name: test').waitFor();
    expect(await findFaults(page)).toEqual([]);
    // Nothing but tables scrolls sideways.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await page.close();
  });

  test('can be used without a mouse', async () => {
    const { page } = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the state');
    const sort = page.getByRole('columnheader', { name: 'Protocol' });
    await sort.getByRole('button').focus();
    await page.keyboard.press('Enter');
    expect(await sort.getAttribute('aria-sort')).toBe('ascending');
    await page.keyboard.press('Enter');
    expect(await sort.getAttribute('aria-sort')).toBe('descending');
    await page.getByLabel('Filter').first().fill('sflow');
    await page.getByText('None fits the filter.').waitFor();
    await page.getByLabel('Filter').first().fill('v5');
    await page.getByRole('rowheader', { name: '127.0.0.1' }).waitFor();
    await page.close();
  });

  test('signs in with the token as a password, and shows no secret; without it nothing is told', async () => {
    const token = 'a-long-secret-token';
    const guarded = `http://127.0.0.1:${await freePort()}`;
    const other = await startWeir({
      folder: join(folder, 'guarded'),
      telemetry: `{ http: "${new URL(guarded).host}", token: "${token}" }`,
    });
    try {
      for (const path of ['/', '/page/main.js', '/api/status', '/api/history', '/api/tail', '/api/config'])
        expect((await fetch(`${guarded}${path}`)).status, path).toBe(401);
      const { page } = await open({ httpCredentials: { username: 'anybody', password: token } }, guarded);
      await page.locator('#configuration-details summary').click();
      await page.getByText('token: "***"').or(page.getByText('token: ***')).first().waitFor();
      expect(await page.content()).not.toContain(token);
      await page.close();
    } finally {
      await other.stop('SIGKILL');
    }
  });

  test('shows the colour of the cluster, what to do when it is red, and the configuration without its password', async () => {
    const elasticsearch = await startElasticsearchDouble();
    let health = { status: 'yellow', unassigned_shards: 2 };
    elasticsearch.answer = (_, path) => (path === '/_cluster/health' ? [200, health] : undefined);
    const at = `http://127.0.0.1:${await freePort()}`;
    const password = 'a-secret-password';
    const other = await startWeir({
      folder: join(folder, 'elasticsearch'),
      telemetry: `{ http: "${new URL(at).host}" }`,
      index: `{ elasticsearch: { nodes: "${elasticsearch.url}", username: weir, password: "\${ES_PASSWORD}" } }`,
      environment: { ES_PASSWORD: password },
    });
    try {
      const { page, complaints } = await open({}, at);
      const cluster = page.locator('#facts div', { has: page.getByText('Cluster', { exact: true }) });
      await cluster.getByText('yellow: 2 shards without a place').waitFor();
      health = { status: 'red', unassigned_shards: 3 };
      await cluster.getByText('red: 3 shards without a place').waitFor();
      const todo = page.locator('#warnings');
      await todo.getByText(/The cluster of .* is red: 3 shards have no place/).waitFor();
      await todo.getByText('curl ELASTICSEARCH/_cluster/allocation/explain?pretty').waitFor();
      await page.locator('#configuration-details summary').click();
      const configuration = page.locator('#configuration-details pre');
      await configuration.getByText('username: weir').waitFor();
      expect(await configuration.innerText()).toMatch(/password: "?\*\*\*"?/);
      expect(await page.content()).not.toContain(password);
      expect(complaints).toEqual([]);
      await page.close();
    } finally {
      await other.stop('SIGKILL');
      await elasticsearch.stop();
    }
  }, 60_000);

  test('says that weir does not answer any more', async () => {
    const { page } = await open();
    await weir.stop();
    await page.getByText('weir does not answer').waitFor({ timeout: 20_000 });
    await page.close();
  });
});
