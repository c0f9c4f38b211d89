// The flow records of sFlow that stand in few samples: their members, in order, under sFlow.org's names.
// Numbers and documents: sFlow.org, "sFlow Structure Numbers". A member that means what an IANA element means has its name.

import { toStructure } from './xdr-structure.ts';

const sampledIpv4 = 'length protocol src/ipv4 dst/ipv4 src_port dst_port tcp_flags tos';
const sampledIpv6 = 'length protocol src/ipv6 dst/ipv6 src_port dst_port tcp_flags priority';
const sampledEthernet = 'length src_mac/mac dst_mac/mac type';
const socketIpv4 = 'protocol local/ipv4 remote/ipv4 local_port remote_port';
const socketIpv6 = 'protocol local/ipv6 remote/ipv6 local_port remote_port';
const httpRequest =
  'uri/text host/text referer/text useragent/text xff/text authuser/text mime_type/text req_bytes/uint64 resp_bytes/uint64 ' +
  'uS status/int32';

export const flowStructures = [
  // sFlow v5 §5.3
  toStructure(1004, 'user', 'src_charset src_user/text dst_charset dst_user/text'),
  toStructure(1005, 'url', 'direction url/text host/text'),
  toStructure(1006, 'mpls', 'nexthop/address=mplsTopLabel in_stack/labels out_stack/labels'),
  toStructure(1007, 'nat', 'src_address/address=postNATSource dst_address/address=postNATDestination'),
  toStructure(1008, 'mpls_tunnel', 'tunnel_lsp_name/text tunnel_id tunnel_cos'),
  toStructure(1009, 'mpls_vc', 'vc_instance_name/text vll_vc_id vc_label_cos'),
  toStructure(1010, 'mpls_FTN', 'mplsFTNDescr/text mplsFTNMask'),
  toStructure(1011, 'mpls_LDP_FEC', 'mplsFecAddrPrefixLength'),
  toStructure(1012, 'vlantunnel', 'stack/uint32s'),

  // sFlow 802.11 Structures; 1013 and 1016 hold packets, see sflow-records.ts.
  toStructure(1014, '80211_rx', 'ssid/text bssid/mac version channel speed/uint64 rsni rcpi packet_duration'),
  toStructure(
    1015,
    '80211_tx',
    'ssid/text bssid/mac version transmissions packet_duration retrans_duration channel speed/uint64 power',
  ),

  toStructure(1017, 'openflow_v1', 'flow_cookie/uint64 flow_match flow_actions'),
  toStructure(1018, 'fc', 'src_mask_len dst_mask_len next_hop metric'),
  toStructure(1019, 'queue_length', 'queueIndex queueLength'),
  // sFlow Port NAT Structure
  toStructure(1020, 'nat_port', 'src_port=postNAPTSourceTransportPort dst_port=postNAPTDestinationTransportPort'),

  // sFlow Tunnel Structures: headers that the switch adds (egress) or has taken away (ingress).
  toStructure(1021, 'L2_tunnel_egress', sampledEthernet),
  toStructure(1022, 'L2_tunnel_ingress', sampledEthernet),
  toStructure(1023, 'ipv4_tunnel_egress', sampledIpv4),
  toStructure(1024, 'ipv4_tunnel_ingress', sampledIpv4),
  toStructure(1025, 'ipv6_tunnel_egress', sampledIpv6),
  toStructure(1026, 'ipv6_tunnel_ingress', sampledIpv6),
  toStructure(1027, 'decapsulate_egress', 'inner_header_offset'),
  toStructure(1028, 'decapsulate_ingress', 'inner_header_offset'),
  toStructure(1029, 'vni_egress', 'vni'),
  toStructure(1030, 'vni_ingress', 'vni'),

  // sFlow InfiniBand Structures
  toStructure(1031, 'ib_lrh', 'src_vl src_sl src_dlid src_slid src_lnh dst_vl dst_sl dst_dlid dst_slid dst_lnh'),
  toStructure(1032, 'ib_grh', 'flow_label tc s_gid/hex16 d_gid/hex16 next_header length'),
  toStructure(1033, 'ib_bth', 'pkey dst_qp opcode'),

  toStructure(1034, 'vlanin', 'stack/uint32s'),
  toStructure(1035, 'vlanout', 'stack/uint32s'),

  // sFlow Dropped Packet Notification Structures, and what Host sFlow adds to them
  toStructure(1036, 'egress_queue', 'queue'),
  toStructure(1037, 'acl', 'number name/text direction'),
  toStructure(1038, 'function', 'symbol/text'),
  // sFlow Transit Delay Structures
  toStructure(1039, 'transit', 'delay'),
  toStructure(1040, 'queue', 'depth'),
  toStructure(1041, 'hw_trap', 'group/text trap/text'),
  toStructure(1042, 'linux_drop_reason', 'reason/text'),
  toStructure(1043, 'timestamp', 'nanoseconds/uint64'),
  toStructure('4413:1', 'bst_egress_queue', 'queue'),

  // Application and host structures
  toStructure(2000, 'transaction', 'direction wait duration status bytes_received/uint64 bytes_send/uint64'),
  toStructure(2001, 'nfs_storage_transaction', 'path/text operation status'),
  toStructure(2002, 'scsi_storage_transaction', 'lun operation status'),
  toStructure(2003, 'http_transaction', 'url/text host/text referer/text useragent/text user/text status'),
  toStructure(2100, 'socket', socketIpv4),
  toStructure(2101, 'socket', socketIpv6),
  toStructure(2102, 'proxy_socket', socketIpv4),
  toStructure(2103, 'proxy_socket', socketIpv6),
  toStructure(2200, 'memcache_operation', 'protocol cmd key/text nkeys value_bytes uS status'),
  toStructure(2201, 'http_request', `method ${httpRequest}`),
  toStructure(
    2202,
    'app_operation',
    'application/text operation/text attributes/text status_descr/text req_bytes/uint64 resp_bytes/uint64 uS status',
  ),
  toStructure(2203, 'app_parent_context', 'application/text operation/text attributes/text'),
  toStructure(2204, 'app_initiator', 'actor/text'),
  toStructure(2205, 'app_target', 'actor/text'),
  toStructure(2206, 'http_request', `method protocol ${httpRequest}`),
  toStructure(2207, 'proxy_request', 'uri/text host/text'),
  toStructure(
    2208,
    'nav_timing',
    'type redirectCount navigationStart unloadEventStart unloadEventEnd redirectStart redirectEnd fetchStart domainLookupStart ' +
      'domainLookupEnd connectStart connectEnd secureConnectionStart requestStart responseStart responseEnd domLoading ' +
      'domInteractive domContentLoadedEventStart domContentLoadedEventEnd domComplete loadEventStart loadEventEnd',
  ),
  toStructure(2209, 'tcp_info', 'dir snd_mss rcv_mss unacked lost retrans pmtu rtt rttvar snd_cwnd reordering min_rtt'),
  toStructure(2210, 'entities', 'src_ds_class src_ds_index dst_ds_class dst_ds_index'),
];
