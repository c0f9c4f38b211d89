// The files of the status page, from the folder `page` beside this file: read when somebody first asks. They may load one another,
// ask weir, and nothing else: no script or style stands in the page, and nothing comes from elsewhere (CSP level 3).

import { readFile } from 'node:fs/promises';
import type { HttpAnswer, HttpRoute } from './http.ts';

const contentTypes = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

const pageHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
} as const;

const files = [
  'index.html',
  'status.css',
  'icon.svg',
  'main.js',
  'ask.js',
  'charts.js',
  'elements.js',
  'exporters.js',
  'live.js',
  'overview.js',
  'stages.js',
  'text.js',
] as const;

/** `/`, and `/page/…` for what it loads. */
export function createPageRoutes(): Map<string, HttpRoute> {
  const routes = files.map((name): [string, HttpRoute] => {
    let reading: Promise<HttpAnswer> | undefined;
    return [
      name === 'index.html' ? '/' : `/page/${name}`,
      {
        answer() {
          reading ??= readPageFile(name);
          return reading;
        },
      },
    ];
  });
  return new Map(routes);
}

async function readPageFile(name: (typeof files)[number]): Promise<HttpAnswer> {
  const contentType = contentTypes[name.slice(name.lastIndexOf('.') + 1) as keyof typeof contentTypes];
  const body = await readFile(new URL(`page/${name}`, import.meta.url));
  return { status: 200, contentType, body, headers: pageHeaders };
}
