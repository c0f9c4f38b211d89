// What the status page may do: load its own files, ask weir, and nothing else.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createPageRoutes } from '../../src/telemetry/page-files.ts';

const folder = fileURLToPath(new URL('../../src/telemetry/page/', import.meta.url));
const request = { query: new URLSearchParams(), accept: '', isTrusted: true };
const routes = createPageRoutes();
const read = (name: string) => readFileSync(`${folder}${name}`, 'utf8');

describe('the files of the status page', () => {
  it('are all served, each as what it is, under one policy, to those who may ask', async () => {
    const files = readdirSync(folder).map((name) => (name === 'index.html' ? '/' : `/page/${name}`));
    expect([...routes.keys()].sort()).toEqual(files.sort());
    for (const [path, route] of routes) {
      const { status, contentType, headers } = await route.answer(request);
      expect([status, route.isOpen], path).toEqual([200, undefined]);
      expect(contentType, path).toMatch(/^(text\/(html|css|javascript)|image\/svg\+xml)/);
      const policy = String(headers?.['content-security-policy']);
      expect(policy, path).toMatch(/^default-src 'none'; /);
      expect(policy, path).toContain("frame-ancestors 'none'");
      expect(policy, path).not.toMatch(/unsafe|data:|https?:|\*/);
    }
  });

  it('have no script, style or handler in the page, and name no other site', () => {
    const html = read('index.html');
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:/i);
    for (const name of readdirSync(folder)) {
      const text = read(name).replaceAll('http://www.w3.org/2000/svg', '');
      expect(text, name).not.toMatch(/(https?:)?\/\/[a-z]+\.[a-z]/i);
    }
  });

  it('make elements of text by no other way than text nodes', () => {
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.js'))) {
      expect(read(name), name).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/,
      );
      expect(read(name), name).not.toMatch(/createContextualFragment|DOMParser|setHTML|srcdoc/);
    }
  });
});
