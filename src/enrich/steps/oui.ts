// Step `oui`: the vendors of the MAC addresses of a flow. Addresses that a device made up for itself have none.

import { z } from 'zod';
import type { FlowDocument } from '../flow-document.ts';
import { loadMacVendors } from '../mac-vendors.ts';
import { createRecentMap } from '../recent-map.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({});

export type OuiOptions = z.infer<typeof options>;

/** A flow's MAC addresses are those of routers and of hosts next to the exporter: few. 16,384 of them are 1 MB. */
const maxRemembered = 16_384;

const noVendor = '';

export const ouiStep: StepDefinition<OuiOptions> = {
  name: 'oui',
  summary: 'Names the vendors of MAC addresses, by the IEEE registries that come with weir.',
  options,
  reads: ['flow.src_mac', 'flow.dst_mac'],
  writes: ['flow.src_mac_vendor', 'flow.dst_mac_vendor'],
  cost: { microseconds: 0.8, remark: 'For two MAC addresses, the writing of the names included.' },
  // The addresses are of blocks that the registries name; the second one is locally administered.
  examples: [
    {
      title: 'a vendor, and an address without one',
      options: {},
      record: { sourceMacAddress: '00:00:0c:12:34:56', destinationMacAddress: '02:42:ac:11:00:02' },
      expect: { 'flow.src_mac_vendor': 'Cisco Systems, Inc', 'flow.dst_mac_vendor': null },
    },
    {
      title: 'no address at all',
      options: {},
      record: { sourceMacAddress: '00:00:00:00:00:00' },
      expect: { 'flow.src_mac_vendor': null },
    },
    {
      title: 'a block of 28 bits, whose 24 bits many vendors share',
      options: {},
      record: { sourceMacAddress: '38:b8:eb:1a:bc:de' },
      expect: { 'flow.src_mac_vendor': '1.A Connect GmbH' },
    },
  ],
  create() {
    const vendors = loadMacVendors();
    const remembered = createRecentMap<number, string>(maxRemembered);

    function vendorOf(mac: number | undefined): string | undefined {
      // All zeros is how exporters say that there is none; the block is Xerox's.
      if (mac === undefined || mac === 0) return undefined;
      const vendor = remembered.get(mac) ?? remembered.add(mac, vendors.vendorOf(mac) ?? noVendor);
      return vendor === noVendor ? undefined : vendor;
    }

    function apply(flow: FlowDocument): undefined {
      flow.srcMacVendor = vendorOf(flow.srcMac);
      flow.dstMacVendor = vendorOf(flow.dstMac);
    }

    return { apply };
  },
};
