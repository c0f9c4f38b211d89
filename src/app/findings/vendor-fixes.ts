// Lines for the devices of known vendors, by what is to be mended; those about flows are those of
// docs/exporters. Whose a device is, its templates
// tell by private enterprise numbers (iana.org/assignments/enterprise-numbers).

import type { FindingId } from './catalog.ts';

interface Vendor {
  readonly name: string;
  /** Below docs/exporters. */
  readonly page: string;
  readonly fixes: Partial<Record<FindingId, readonly string[]>>;
}

const vendors: Readonly<Record<number, Vendor>> = {
  9: {
    name: 'Cisco',
    page: 'cisco-ios.md',
    fixes: {
      'templates-rare': ['flow exporter WEIR', ' template data timeout 60'],
      'sampling-unsaid': ['flow exporter WEIR', ' option sampler-table timeout 300'],
      'directions-doubled': ['interface GigabitEthernet0/0/0', ' no ip flow monitor WEIR output'],
      'clock-wrong': ['ntp server 192.0.2.123'],
      'clock-zone': ['clock timezone UTC 0 0', 'ntp server 192.0.2.123'],
    },
  },
  2636: {
    name: 'Juniper',
    page: 'juniper.md',
    fixes: {
      'templates-rare': ['set services flow-monitoring version-ipfix template WEIR4 template-refresh-rate seconds 60'],
      'sampling-unsaid': ['set services flow-monitoring version-ipfix template WEIR4 option-refresh-rate seconds 60'],
      'clock-wrong': ['set system ntp server 192.0.2.123'],
      'clock-zone': ['set system time-zone UTC', 'set system ntp server 192.0.2.123'],
    },
  },
  12356: {
    name: 'Fortinet',
    page: 'fortinet.md',
    fixes: {
      'templates-rare': ['config system netflow', '    set template-tx-timeout 60', 'end'],
      'directions-doubled': [
        'config system interface',
        '    edit "port1"',
        '        set netflow-sampler rx',
        '    next',
        'end',
      ],
      'clock-wrong': ['config system ntp', '    set ntpsync enable', 'end'],
    },
  },
  25461: {
    name: 'Palo Alto',
    page: 'palo-alto.md',
    fixes: { 'templates-rare': ['set shared server-profile netflow WEIR template-refresh-rate minutes 1 packets 20'] },
  },
};

const sameFix: Partial<Record<FindingId, FindingId>> = {
  'templates-missing': 'templates-rare',
  'templates-lost': 'templates-rare',
};

/** Undefined: the vendor is not known, or there is nothing to say beyond the catalogue. */
export function toVendorFix(id: FindingId, enterprises: readonly number[]): readonly string[] | undefined {
  for (const enterprise of enterprises) {
    const vendor = vendors[enterprise];
    const lines = vendor?.fixes[sameFix[id] ?? id];
    if (vendor !== undefined && lines !== undefined)
      return [`# ${vendor.name} (docs/exporters/${vendor.page}):`, ...lines];
  }
  return undefined;
}
