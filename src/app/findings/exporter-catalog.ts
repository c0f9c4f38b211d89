// Findings about exporters: most are signs that decode noticed (docs/decisions/0051), others come from what a listener counts.

import type { SignKind } from '../../model/exporter-sign.ts';
import type { CatalogEntry } from './catalog.ts';

export const exporterFindings = {
  'gateway-trap': {
    severity: 'error',
    title: '{exporter} is several exporters: {counters} sequence counters take turns behind this one address',
    why: 'Docker’s userland proxy, a NAT or a load balancer put their own address in the place of the exporters’. Their templates overwrite each other, so that bytes and addresses come out wrong, all their flows count as one exporter’s, and no loss can be told.',
    fix: [
      '# Docker: use the network of the host (network_mode: host, as the shipped docker-compose.yml does), or:',
      '#   "userland-proxy": false in /etc/docker/daemon.json, systemctl restart docker, conntrack -D -p udp',
      '# Kubernetes: hostNetwork: true, or externalTrafficPolicy: Local on the Service',
      '# A NAT or load balancer of your own: let exporters reach weir by a route without it',
    ],
  },
  'agents-behind-one-address': {
    severity: 'warning',
    title: '{exporter} sends for several sFlow agents: {agents}',
    why: 'An address translation (Docker’s userland proxy, a NAT), or a relay, stands between the agents and weir: their flows count as one exporter’s.',
    fix: [
      '# Docker: network_mode: host, as the shipped docker-compose.yml does; Kubernetes: hostNetwork: true',
      '# A relay that is wanted is none to mend: the agent of each sample is in the document',
    ],
  },
  'templates-missing': {
    severity: 'error',
    title: '{exporter} has sent no template for {minutes} min of its data ({sets} sets wait)',
    why: 'NetFlow v9 and IPFIX can’t be read before their template came. weir keeps data for 30 minutes, 2 MiB of an exporter; beyond it flows are lost.',
    fix: ['# Let the exporter send its templates each minute'],
  },
  'templates-lost': {
    severity: 'error',
    title: '{exporter} has lost {sets} sets of flows in the last 10 min, whose template did not come in time',
    why: 'NetFlow v9 and IPFIX can’t be read without their template, and what waits for it has a limit: 30 minutes, 2 MiB of an exporter.',
    fix: ['# Let the exporter send its templates each minute'],
  },
  'templates-rare': {
    severity: 'warning',
    title: '{exporter} repeats its templates only after {minutes} min',
    why: 'After a change of its configuration, or when its templates were not known before, its flows can’t be read for so long.',
    fix: ['# Let the exporter send its templates each minute'],
  },
  'sampling-unsaid': {
    severity: 'warning',
    title: '{exporter} seems to sample and tells {says} of it: {percent} % of its TCP flows are a single large packet',
    why: 'Bytes and packets are then too small by the factor of the sampling. (An exporter that forgets each flow after one packet looks the same; its volumes are right.)',
    fix: [
      '# Let the exporter tell its sampling (an options template), or say it in the pipeline file:',
      'steps: [ { sampling: { default: { {exporter}: 1000 } } } ]   # 1 out of so many',
    ],
  },
  'counters-impossible': {
    severity: 'error',
    title:
      '{exporter} sends impossible counters in {percent} % of its flows, such as {bytes} bytes in {packets} packets',
    why: 'A packet has 20 to 65,535 bytes. Either the exporter counts something else, or its flows are read by the template of another device behind the same address.',
    fix: [
      '# See what it really sends, and by which template:',
      'tcpdump -c 200 -w exporter.pcap udp and host {exporter}; weir decode --explain exporter.pcap | less',
      '# Then look for an update of the device, or for an address translation between it and weir',
    ],
  },
  'times-impossible': {
    severity: 'warning',
    title: '{exporter} sends flows that end before they start ({percent} % of them)',
    why: 'Their times, and rates made of them, are wrong.',
    fix: [
      'tcpdump -c 200 -w exporter.pcap udp and host {exporter}; weir decode --explain exporter.pcap | less',
      '# Then look for an update of the device',
    ],
  },
  'directions-doubled': {
    severity: 'warning',
    title: '{exporter} exports packets twice, where they come in and where they go out ({percent} % of its flows)',
    why: 'Volumes are doubled.',
    fix: [
      '# Ingress on every interface, or ingress and egress on the outer ones only',
      '# Until then: steps: [ dedupe ] marks such flows',
    ],
  },
  'clock-zone': {
    severity: 'error',
    title: 'The clock of {exporter} is {skew}: its time zone is taken for UTC',
    why: 'Its flows are stored under the time of its clock: they are not where you look for them.',
    fix: ['# Set the time zone of the device, so that its clock in UTC is right, and give it NTP'],
  },
  'clock-wrong': {
    severity: 'error',
    title: 'The clock of {exporter} is {skew}',
    why: 'Its flows are stored under the time of its clock: they are not where you look for them.',
    fix: ['# Give the device NTP', 'timedatectl   # and is our own clock right?'],
  },
  'exporter-silent': {
    severity: 'warning',
    title: '{exporter} has sent nothing for {silence}; before, a datagram came every {usual}',
    why: 'Either it is down, or its flows get lost on the way to weir.',
    fix: [
      'tcpdump -ni any udp and host {exporter}   # does anything come?',
      '# Nothing: look at the exporter, at routes and firewalls. Something: at the firewall of this machine',
    ],
  },
} as const satisfies Readonly<Record<SignKind | 'templates-lost' | 'exporter-silent', CatalogEntry>>;
