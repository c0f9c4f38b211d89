// Findings of `weir doctor` about Redis, Elasticsearch and Kibana.

import type { CatalogEntry } from './catalog.ts';

export const serverFindings = {
  'redis-away': {
    severity: 'error',
    title: 'Redis at {server} can’t be used: {reason}',
    why: 'Listeners put batches on disk, workers have nothing to do; a start that Redis refuses does not succeed.',
    fix: ['{hint}'],
  },
  'redis-old': {
    severity: 'error',
    title: 'Redis at {server} is version {version}',
    why: 'The queue needs 6.2 or newer.',
    fix: ['# Install Redis 7, or Valkey'],
  },
  'redis-evicts': {
    severity: 'error',
    title: 'Redis at {server} throws keys away when it is full (maxmemory-policy {policy})',
    why: 'Those keys are flows.',
    fix: [
      'redis-cli {address} CONFIG SET maxmemory-policy noeviction',
      'redis-cli {address} CONFIG REWRITE   # keeps it over restarts of Redis',
    ],
  },
  'redis-unbounded': {
    severity: 'warning',
    title: 'Redis at {server} has no maxmemory',
    why: 'While Elasticsearch is away the queue grows to queue.memory ({wanted}); a machine with less memory kills Redis then, and with it what waits.',
    fix: ['redis-cli {address} CONFIG SET maxmemory {bytes}   # a third more than queue.memory; then CONFIG REWRITE'],
  },
  'redis-full': {
    severity: 'error',
    title: 'Redis at {server} uses {used} of its {max}',
    why: 'From 65 % on batches go to disk, and workers have less and less to do it with.',
    fix: [
      'weir queue   # what waits, and why',
      'redis-cli {address} CONFIG SET maxmemory {bytes}   # if the machine has it',
    ],
  },
  'redis-unsaved': {
    severity: 'warning',
    title: 'Redis at {server} keeps nothing on disk',
    why: 'Batches that wait are gone when Redis restarts. (Listeners send their last 32 MiB again.)',
    fix: [
      'redis-cli {address} CONFIG SET appendonly yes   # costs about a third of its throughput; then CONFIG REWRITE',
    ],
  },
  'redis-cannot-save': {
    severity: 'error',
    title: 'Redis at {server} can’t save to its disk',
    why: 'By default it refuses all writes then; and what waits is gone when it restarts.',
    fix: ['redis-cli {address} INFO persistence   # and its log: most often the disk is full'],
  },
  'elasticsearch-away': {
    severity: 'error',
    title: 'Elasticsearch at {server} can’t be used: {reason}',
    why: 'Documents wait: on the queue, then on disk.',
    fix: ['{hint}'],
  },
  'elasticsearch-other': {
    severity: 'warning',
    title: 'Elasticsearch at {server}: {remark}',
    why: 'It is not what weir is tested with every day.',
    fix: ['# Nothing, if all else is well'],
  },
  'cluster-red': {
    severity: 'error',
    title: 'The cluster is red: {shards} shards have no place, primary ones among them',
    why: 'Documents for these wait, and searches miss what is in them.',
    fix: ['curl {server}/_cluster/allocation/explain?pretty'],
  },
  'cluster-yellow': {
    severity: 'warning',
    title: 'The cluster is yellow: {shards} replicas have no place',
    why: 'A node that dies takes its data with it. A cluster of a single node is always yellow while indices have replicas.',
    fix: [
      '# A single node: no replicas',
      'curl -X PUT {server}/{pattern}/_settings -H "Content-Type: application/json" -d \'{"index.number_of_replicas":0}\'',
      '# Else: curl {server}/_cluster/allocation/explain?pretty',
    ],
  },
  'cluster-shards': {
    severity: 'error',
    title: 'The cluster has {shards} shards; at {limit} it makes no new index',
    why: 'At midnight the index of the new day can’t be made, and documents wait.',
    fix: [
      'weir prune --dry-run   # old indices',
      '# or more nodes, or fewer, larger indices: retention: { roll_over_at: 50GB }',
    ],
  },
  'disk-watermark': {
    severity: 'error',
    title: 'The disk of {node} is {used} % full; its {stage} stage is at {limit} %',
    why: 'At the high stage shards move away, at the flood stage nothing can be indexed on the node any more.',
    fix: [
      'weir prune --dry-run   # old indices; then without --dry-run',
      '# Let weir do it: index: { elasticsearch: { retention: { keep: 30d, max_size: … } } }',
    ],
  },
  'index-blocked': {
    severity: 'error',
    title: '{index} takes no documents ({blocks})',
    why: 'Documents for it wait.',
    fix: [
      '# Make room first, if it was the flood stage; then:',
      'curl -X PUT {server}/{index}/_settings -H "Content-Type: application/json" -d \'{"index.blocks.read_only_allow_delete":null,"index.blocks.write":null,"index.blocks.read_only":null}\'',
    ],
  },
  'index-templates-missing': {
    severity: 'warning',
    title: 'Elasticsearch lacks what weir setup puts there: {what}',
    why: 'weir run and weir work put it at their start, if their user may; with "setup: false" they don’t start without.',
    fix: ['weir setup {file}'],
  },
  'index-templates-left': {
    severity: 'warning',
    title: '{what}: {note}',
    why: 'New indices may have other fields than weir’s of this version.',
    fix: ['weir setup --dry-run {file}   # what differs', 'weir setup --force {file}   # replaces it'],
  },
  'index-templates-conflict': {
    severity: 'error',
    title: '{reason}',
    why: 'weir indexes nothing before that is mended, for indices would have wrong fields.',
    fix: ['# {hint}', 'weir setup --dry-run {file}'],
  },
  'mapping-conflict': {
    severity: 'error',
    title: 'Indices disagree about {fields}: {example}',
    why: 'Dashboards and searches over all days fail, or miss the days that differ.',
    fix: [
      '# Reindex or delete those that weir did not make (docs/upgrading.md):',
      'curl "{server}/{pattern}/_mapping/field/{field}?pretty"',
    ],
  },
  'retention-missing': {
    severity: 'warning',
    title: 'Nobody deletes old indices: no retention in the pipeline file, and no lifecycle policy of weir’s',
    why: 'Some day the disk is full, and dashboards stop.',
    fix: ['# In the pipeline file: index: { elasticsearch: { retention: { keep: 30d } } }'],
  },
  'lifecycle-stopped': {
    severity: 'warning',
    title: 'The lifecycle management of Elasticsearch at {server} is stopped',
    why: 'It deletes no old indices meanwhile: some day the disk is full.',
    fix: ['curl -X POST {server}/_ilm/start'],
  },
  'lifecycle-failed': {
    severity: 'warning',
    title: 'The lifecycle of {index} can’t go on: {reason}',
    why: 'The index is not deleted when its time is over.',
    fix: [
      'curl "{server}/{index}/_ilm/explain?pretty"   # mend what it says; then:',
      'curl -X POST {server}/{index}/_ilm/retry',
    ],
  },
  'kibana-away': {
    severity: 'error',
    title: 'Kibana at {server} can’t be used: {reason}',
    why: 'Dashboards can’t be seen, nor brought up to date.',
    fix: ['{hint}'],
  },
  'dashboards-missing': {
    severity: 'warning',
    title: 'Kibana at {server} lacks dashboards of this version of weir ({what})',
    why: 'Graphs may look at fields that are no longer there, or are not there at all.',
    fix: ['weir setup {file}   # leaves what was changed in Kibana'],
  },
} as const satisfies Readonly<Record<string, CatalogEntry>>;
