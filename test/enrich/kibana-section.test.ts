// The key `kibana` of the pipeline file, and what it takes over from Elasticsearch.

import { expect, test } from 'vitest';
import { withElasticsearchAccess } from '../../src/enrich/kibana-section.ts';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';

const read = (lines: string) =>
  readPipelineFile(`name: flow\nsteps: []\n${lines}\n`, { path: 'p.yml', environment: {}, stepDefinitions: [] });

const accessOf = (lines: string) => {
  const { kibana, index } = read(lines);
  const { setup: _, ...target } = kibana!;
  return withElasticsearchAccess(target, index.elasticsearch);
};

test('without the section, or with an empty URL, there is no Kibana', () => {
  expect(read('').kibana).toBeUndefined();
  expect(read(`kibana: { url: "\${X:}" }`).kibana).toBeUndefined();
  expect(read(`kibana: { url: "\${X:}", username: "\${X:}", password: "\${X:}" }`).kibana).toBeUndefined();
  expect(read('kibana: { space: x }').kibana).toBeUndefined();
});

test('the dashboards are imported at the start, unless the file says otherwise', () => {
  expect(read('kibana: { url: "http://k:5601" }').kibana?.setup).toBe(true);
  expect(read('kibana: { url: "http://k:5601", setup: false }').kibana?.setup).toBe(false);
});

test.each([
  ['kibana: { url: "localhost:5601" }', 'p.yml:3:16 kibana.url: expected a URL'],
  ['kibana: { url: "http://k:5601", space: "My Space" }', 'p.yml:3:40 kibana.space: expected a space'],
  ['kibana: { url: "http://k", username: weir }', 'kibana: password is missing'],
  [
    'kibana: { url: "http://k", username: weir, password: x, api_key: y }',
    'give either api_key, or username and password',
  ],
  ['kibana: { url: "http://k", ca_file: a.pem }\nkibanas: {}', 'kibanas'],
])('a mistake is told with its place: %s', (lines, message) => {
  expect(() => read(lines)).toThrow(message);
});

test('who signs in to Elasticsearch signs in to Kibana, unless the section says otherwise', () => {
  const elasticsearch = 'index: { elasticsearch: { nodes: "http://e:9200", username: weir, password: secret } }\n';
  expect(accessOf(`${elasticsearch}kibana: { url: "http://k:5601" }`)).toMatchObject({
    username: 'weir',
    password: 'secret',
  });
  expect(accessOf(`${elasticsearch}kibana: { url: "http://k:5601", api_key: own }`)).toEqual({
    url: 'http://k:5601',
    apiKey: 'own',
  });
  expect(accessOf(`${elasticsearch}kibana: { url: "http://a:b@k:5601" }`)).toEqual({ url: 'http://a:b@k:5601' });
});

test('user and password in the URL of Elasticsearch count, too', () => {
  const lines = 'index: { elasticsearch: { nodes: "http://weir:s%40cret@e:9200" } }\nkibana: { url: "http://k:5601" }';
  expect(accessOf(lines)).toMatchObject({ username: 'weir', password: 's@cret' });
});

test('a password that goes to Elasticsearch by TLS is not sent to a Kibana without', () => {
  const elasticsearch = 'index: { elasticsearch: { nodes: "https://e:9200", api_key: secret, ca_file: /ca.pem } }\n';
  expect(accessOf(`${elasticsearch}kibana: { url: "http://k:5601" }`)).toEqual({ url: 'http://k:5601' });
  expect(accessOf(`${elasticsearch}kibana: { url: "https://k:5601" }`)).toEqual({
    url: 'https://k:5601',
    apiKey: 'secret',
    caFile: '/ca.pem',
  });
});
