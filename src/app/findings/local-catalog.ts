// Findings of `weir doctor` about this machine, and the weir that runs on it.

import type { CatalogEntry } from './catalog.ts';

export const localFindings = {
  'check-blind': {
    severity: 'warning',
    title: '{what} could not be looked at: {reason}',
    why: 'What is wrong there, if anything, is not in this list.',
    fix: ['weir doctor   # again; if it stays: weir check --connect says more'],
  },
  'receive-buffer-small': {
    severity: 'warning',
    title: 'The kernel gives receive buffers of {given} at most; collect.receive_buffer asks for {wanted}',
    why: 'What comes in a burst beyond it, or while weir is busy, the kernel drops.',
    fix: [
      'sysctl -w net.core.rmem_max={bytes}',
      'echo net.core.rmem_max={bytes} > /etc/sysctl.d/90-weir.conf   # keeps it over reboots; then start weir again',
    ],
  },
  'port-taken': {
    severity: 'error',
    title: '{address} is held by {holder}',
    why: 'weir can’t listen there.',
    fix: ['ss -ln{transport}p "sport = :{port}"   # as root: who it is; stop it, or change "listen"'],
  },
  'port-shared': {
    severity: 'error',
    title: '{address}: another process ({holder}) has a socket on the port that weir listens on',
    why: 'Datagrams for that socket’s address never come to weir.',
    fix: ['ss -ln{transport}p "sport = :{port}"   # as root: who it is; stop it, or change "listen"'],
  },
  'port-refused': {
    severity: 'error',
    title: '{address} can’t be opened: {reason}',
    why: 'weir would not start.',
    fix: ['# {hint}'],
  },
  'clock-unsynchronised': {
    severity: 'warning',
    title: 'The clock of this machine is not synchronised with any time server',
    why: 'Flows of sFlow, the ledger, and skews of exporters are by this clock.',
    fix: ['timedatectl set-ntp true   # or install chrony'],
  },
  'clock-differs': {
    severity: 'error',
    title: 'The clock of {server} is {skew}',
    why: 'Ages of batches and the days of indices are reckoned on both machines.',
    fix: ['timedatectl set-ntp true   # on both machines; in containers the clock is the host’s'],
  },
  'dns-silent': {
    severity: 'warning',
    title: 'The name server {server} gives no answer ({reason})',
    why: 'Flows get no names of hosts. (They don’t wait for them.)',
    fix: [
      'dig @{server} -x 127.0.0.1   # from here; then mend it, or name others: steps: [ { hostname: { servers: […] } } ]',
    ],
  },
  'folder-unwritable': {
    severity: 'error',
    title: '{folder} ({what}) can’t be written: {reason}',
    why: '{matters}',
    fix: ['mkdir -p {folder} && chown {user} {folder}'],
  },
  'disk-tight': {
    severity: 'warning',
    title: 'The disk of {folder} has {free} free; {what} may take {wanted}',
    why: 'When the disk is full before the spool is at its limit, the oldest batches are thrown away sooner than you allow.',
    fix: ['df -h {folder}   # make room, or say less in the pipeline file: queue: { spool: { size: … } }'],
  },
  'database-old': {
    severity: 'warning',
    title: '{file} is {days} days old',
    why: 'Addresses move: places and networks of some are wrong by now.',
    fix: [
      'weir geoip update   # a running weir takes new files over',
      '# Do steps geoip and asn name these files? docs/geoip.md',
    ],
  },
  'weir-not-running': {
    severity: 'warning',
    title: 'No weir that runs with this file could be asked ({reason})',
    why: 'Nothing can be said of exporters. What follows is about the machine and the servers only.',
    fix: ['weir run {file}   # or: systemctl start weir@run; docker compose up -d'],
  },
  'weir-not-ready': {
    severity: 'error',
    title: 'weir runs and is not ready: {reasons}',
    why: 'Flows wait, on the queue or on disk.',
    fix: ['# See what is found about that server below, and the log of weir'],
  },
  'kernel-drops': {
    severity: 'error',
    title: 'The kernel has dropped {drops} datagrams since weir started ({percent} % of all)',
    why: 'They are lost: the receive buffer was full.',
    fix: [
      'sysctl -w net.core.rmem_max={bytes}   # and collect: { receive_buffer: … } in the pipeline file',
      '# weir at the limit of its core? weir listen --workers auto (docs/operations.md)',
    ],
  },
  'nothing-arrives': {
    severity: 'error',
    title: 'weir has run for {age} and not one datagram has come',
    why: 'Either no exporter sends here, or something on the way drops it.',
    fix: [
      'tcpdump -ni any udp and {ports}   # does anything reach this machine?',
      '# Nothing: the exporter’s settings (docs/exporters/README.md), routes, firewalls on the way',
      '# Something: the firewall of this machine, and rp_filter; in a container: are the ports published as udp?',
      'weir demo   # does weir itself work?',
    ],
  },
  'exporters-refused': {
    severity: 'warning',
    title: '{datagrams} datagrams came from addresses that collect.exporters.allow does not name',
    why: 'They are dropped unread.',
    fix: ['# The log of weir names them; add those that are yours: collect: { exporters: { allow: […] } }'],
  },
  'firewall-drops': {
    severity: 'error',
    title: 'The firewall ({tool}) drops what comes to {address}, or does not let it in',
    why: 'What it drops never reaches weir, and no counter of weir’s shows it.',
    fix: ['{allow}'],
  },
  'reverse-path': {
    severity: 'warning',
    title:
      'The kernel drops datagrams that come in by another interface than answers would leave by (rp_filter is 1 on {interfaces})',
    why: 'Exporters that are reached by another way than their flows come by are not heard, and no counter of weir’s shows it.',
    fix: ['sysctl -w net.ipv4.conf.all.rp_filter=2   # loose: any way back is good'],
  },
} as const satisfies Readonly<Record<string, CatalogEntry>>;
