// A document of weir as ElastiFlow 3.5.1 sends it for the same flow: without what only weir stores, and with text where its filters
// leave text for what the index takes as a number.

interface Document {
  readonly ipfix?: object;
  readonly network?: object;
  readonly flow: Readonly<Record<string, unknown>>;
}

/** Copied between fields by string templates. */
const textFields = ['client_asn', 'server_asn', 'service_port'];
const ownFields = new Set(['sampling_source', 'sampling_flow_interval', 'server_rule', 'canonical']);

/** A line of JSON in, a line out. */
export function toElastiflowLine(line: Buffer): Buffer {
  const { network: _, ...document } = JSON.parse(line.toString()) as Document;
  const flow = Object.fromEntries(Object.entries(document.flow).filter(([name]) => !ownFields.has(name)));
  const isIpfix = document.ipfix !== undefined;
  for (const name of isIpfix ? [...textFields, 'packets'] : textFields)
    if (flow[name] !== undefined) flow[name] = String(flow[name]);
  // It reads only the sampling interval that stands in the record itself.
  if (isIpfix) delete flow['sampling_interval'];
  return Buffer.from(`${JSON.stringify({ ...document, flow })}\n`);
}
