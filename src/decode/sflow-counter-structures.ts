// The counter records of sFlow: their members, in order. MIB objects have their own names, the others sFlow.org's.
// Numbers and documents: sFlow.org, "sFlow Structure Numbers".

import { toStructure } from './xdr-structure.ts';

/** In the order of their columns in a row. */
export const counterStructures = [
  // sFlow v5 §5.3, counter data
  toStructure(
    1,
    '',
    'ifIndex ifType ifSpeed/uint64 ifDirection ifStatus ifInOctets/uint64 ifInUcastPkts ifInMulticastPkts ifInBroadcastPkts ' +
      'ifInDiscards ifInErrors ifInUnknownProtos ifOutOctets/uint64 ifOutUcastPkts ifOutMulticastPkts ifOutBroadcastPkts ' +
      'ifOutDiscards ifOutErrors ifPromiscuousMode',
  ),
  toStructure(
    2,
    '',
    'dot3StatsAlignmentErrors dot3StatsFCSErrors dot3StatsSingleCollisionFrames dot3StatsMultipleCollisionFrames ' +
      'dot3StatsSQETestErrors dot3StatsDeferredTransmissions dot3StatsLateCollisions dot3StatsExcessiveCollisions ' +
      'dot3StatsInternalMacTransmitErrors dot3StatsCarrierSenseErrors dot3StatsFrameTooLongs ' +
      'dot3StatsInternalMacReceiveErrors dot3StatsSymbolErrors',
  ),
  toStructure(
    3,
    '',
    'dot5StatsLineErrors dot5StatsBurstErrors dot5StatsACErrors dot5StatsAbortTransErrors dot5StatsInternalErrors ' +
      'dot5StatsLostFrameErrors dot5StatsReceiveCongestions dot5StatsFrameCopiedErrors dot5StatsTokenErrors dot5StatsSoftErrors ' +
      'dot5StatsHardErrors dot5StatsSignalLoss dot5StatsTransmitBeacons dot5StatsRecoverys dot5StatsLobeWires dot5StatsRemoves ' +
      'dot5StatsSingles dot5StatsFreqErrors',
  ),
  toStructure(
    4,
    '',
    'dot12InHighPriorityFrames dot12InHighPriorityOctets/uint64 dot12InNormPriorityFrames dot12InNormPriorityOctets/uint64 ' +
      'dot12InIPMErrors dot12InOversizeFrameErrors dot12InDataErrors dot12InNullAddressedFrames dot12OutHighPriorityFrames ' +
      'dot12OutHighPriorityOctets/uint64 dot12TransitionIntoTrainings dot12HCInHighPriorityOctets/uint64 ' +
      'dot12HCInNormPriorityOctets/uint64 dot12HCOutHighPriorityOctets/uint64',
  ),
  toStructure(5, 'vlan', 'vlan_id octets/uint64 ucastPkts multicastPkts broadcastPkts discards'),
  // sFlow 802.11 Structures
  toStructure(
    6,
    '',
    'dot11TransmittedFragmentCount dot11MulticastTransmittedFrameCount dot11FailedCount dot11RetryCount dot11MultipleRetryCount ' +
      'dot11FrameDuplicateCount dot11RTSSuccessCount dot11RTSFailureCount dot11ACKFailureCount dot11ReceivedFragmentCount ' +
      'dot11MulticastReceivedFrameCount dot11FCSErrorCount dot11TransmittedFrameCount dot11WEPUndecryptableCount ' +
      'dot11QoSDiscardedFragmentCount dot11AssociatedStationCount dot11QoSCFPollsReceivedCount dot11QoSCFPollsUnusedCount ' +
      'dot11QoSCFPollsUnusableCount dot11QoSCFPollsLostCount',
  ),
  // sFlow LAG Counters Structure: dot3adAggPort objects, shortened as in the captures.
  toStructure(
    7,
    '',
    'actorSystemId/mac partnerOperSystemId/mac attachedAggId state/hex4 lacpdusRx markerPdusRx markerResponsePdusRx unknownRx ' +
      'illegalRx lacpdusTx markerPdusTx markerResponsePdusTx',
  ),
  toStructure(8, 'slow_path', 'unknown other cam_miss cam_full no_hw_support cntrl'),
  // sFlow InfiniBand Structures
  toStructure(
    9,
    'ib',
    'PortXmitData/uint64 PortRcvData/uint64 PortXmitPkts/uint64 PortRcvPkts/uint64 SymbolErrorCounter LinkErrorRecoveryCounter ' +
      'LinkDownedCounter PortRcvErrors PortRcvRemotePhysicalErrors PortRcvSwitchRelayErrors PortXmitDiscards ' +
      'PortXmitConstraintErrors PortRcvConstraintErrors LocalLinkIntegrityErrors ExcessiveBufferOverrunErrors VL15Dropped',
  ),
  // sFlow Optical Interface Structures
  toStructure(
    10,
    'sfp',
    'module_id module_num_lanes module_supply_voltage module_temperature/int32 [ lane_index tx_bias_current tx_power tx_power_min ' +
      'tx_power_max tx_wavelength rx_power rx_power_min rx_power_max rx_wavelength ]',
  ),
  toStructure(1001, 'processor', 'cpu_5s cpu_1m cpu_5m total_memory/uint64 free_memory/uint64'),
  toStructure(1002, 'radio', 'elapsed_time on_channel_time on_channel_busy_time'),
  toStructure(
    1003,
    'queue_length',
    'queueIndex segmentSize queueSegments queueLength0 queueLength1 queueLength2 queueLength4 queueLength8 queueLength32 ' +
      'queueLength128 queueLength1024 queueLengthMore dropped',
  ),
  // sFlow OpenFlow Structures
  toStructure(1004, 'of_port', 'datapath_id/uint64 port_no'),
  toStructure(1005, 'port_name', 'name/text'),

  // sFlow Host Structures
  toStructure(2000, 'host_descr', 'hostname/text uuid/hex16 machine_type os_name os_release/text'),
  toStructure(2001, 'host_adapters', '[ ifIndex mac_address/macs ]'),
  toStructure(2002, 'host_parent', 'container_type container_index'),
  toStructure(
    2003,
    'host_cpu',
    'load_one/float load_five/float load_fifteen/float proc_run proc_total cpu_num cpu_speed uptime cpu_user cpu_nice cpu_system ' +
      'cpu_idle cpu_wio cpu_intr cpu_sintr interrupts contexts ? cpu_steal cpu_guest cpu_guest_nice',
  ),
  toStructure(
    2004,
    'host_memory',
    'mem_total/uint64 mem_free/uint64 mem_shared/uint64 mem_buffers/uint64 mem_cached/uint64 swap_total/uint64 swap_free/uint64 ' +
      'page_in page_out swap_in swap_out',
  ),
  toStructure(
    2005,
    'host_disk_io',
    'disk_total/uint64 disk_free/uint64 part_max_used reads bytes_read/uint64 read_time writes bytes_written/uint64 write_time',
  ),
  toStructure(
    2006,
    'host_net_io',
    'bytes_in/uint64 pkts_in errs_in drops_in bytes_out/uint64 packets_out errs_out drops_out',
  ),
  // sFlow Host TCP/IP Counters: objects of MIB-II (RFC 1213).
  toStructure(
    2007,
    '',
    'ipForwarding ipDefaultTTL ipInReceives ipInHdrErrors ipInAddrErrors ipForwDatagrams ipInUnknownProtos ipInDiscards ' +
      'ipInDelivers ipOutRequests ipOutDiscards ipOutNoRoutes ipReasmTimeout ipReasmReqds ipReasmOKs ipReasmFails ipFragOKs ' +
      'ipFragFails ipFragCreates',
  ),
  toStructure(
    2008,
    '',
    'icmpInMsgs icmpInErrors icmpInDestUnreachs icmpInTimeExcds icmpInParamProbs icmpInSrcQuenchs icmpInRedirects icmpInEchos ' +
      'icmpInEchoReps icmpInTimestamps icmpInAddrMasks icmpInAddrMaskReps icmpOutMsgs icmpOutErrors icmpOutDestUnreachs ' +
      'icmpOutTimeExcds icmpOutParamProbs icmpOutSrcQuenchs icmpOutRedirects icmpOutEchos icmpOutEchoReps icmpOutTimestamps ' +
      'icmpOutTimestampReps icmpOutAddrMasks icmpOutAddrMaskReps',
  ),
  toStructure(
    2009,
    '',
    'tcpRtoAlgorithm tcpRtoMin tcpRtoMax tcpMaxConn tcpActiveOpens tcpPassiveOpens tcpAttemptFails tcpEstabResets tcpCurrEstab ' +
      'tcpInSegs tcpOutSegs tcpRetransSegs tcpInErrs tcpOutRsts ? tcpInCsumErrs',
  ),
  toStructure(
    2010,
    '',
    'udpInDatagrams udpNoPorts udpInErrors udpOutDatagrams ? udpRcvbufErrors udpSndbufErrors udpInCsumErrors',
  ),
  toStructure(2100, 'virt_node', 'mhz cpus memory/uint64 memory_free/uint64 num_domains'),
  toStructure(2101, 'virt_cpu', 'state cpuTime nrVirtCpu'),
  toStructure(2102, 'virt_memory', 'memory/uint64 maxMemory/uint64'),
  toStructure(
    2103,
    'virt_disk_io',
    'capacity/uint64 allocation/uint64 physical/uint64 rd_req rd_bytes/uint64 wr_req wr_bytes/uint64 errs',
  ),
  toStructure(
    2104,
    'virt_net_io',
    'rx_bytes/uint64 rx_packets rx_errs rx_drop tx_bytes/uint64 tx_packets tx_errs tx_drop',
  ),
  // sFlow Java Virtual Machine Structures
  toStructure(2105, 'jvm_runtime', 'vm_name/text vm_vendor/text vm_version/text'),
  toStructure(
    2106,
    'jvm_statistics',
    'heap_initial/uint64 heap_used/uint64 heap_committed/uint64 heap_max/uint64 non_heap_initial/uint64 non_heap_used/uint64 ' +
      'non_heap_committed/uint64 non_heap_max/uint64 gc_count gc_time classes_loaded classes_total classes_unloaded ' +
      'compilation_time thread_num_live thread_num_daemon thread_num_started ? fd_open_count fd_max_count',
  ),
  // sFlow HTTP, Application, Memcache Structures
  toStructure(
    2201,
    'http_counters',
    'method_option_count method_get_count method_head_count method_post_count method_put_count method_delete_count ' +
      'method_trace_count method_connect_count method_other_count status_1XX_count status_2XX_count status_3XX_count ' +
      'status_4XX_count status_5XX_count status_other_count',
  ),
  toStructure(
    2202,
    'app_operations',
    'application/text success other timeout internal_error bad_request forbidden too_large not_implemented not_found unavailable ' +
      'unauthorized',
  ),
  toStructure(
    2203,
    'app_resources',
    'user_time system_time mem_used/uint64 mem_max/uint64 fd_open fd_max conn_open conn_max',
  ),
  toStructure(
    2204,
    'memcache',
    'cmd_set cmd_touch cmd_flush get_hits get_misses delete_hits delete_misses incr_hits incr_misses decr_hits decr_misses ' +
      'cas_hits cas_misses cas_badval auth_cmds auth_errors threads conn_yields listen_disabled_num curr_connections ' +
      'rejected_connections total_connections connection_structures evictions reclaimed curr_items total_items ' +
      'bytes_read/uint64 bytes_written/uint64 bytes/uint64 limit_maxbytes/uint64',
  ),
  toStructure(2206, 'app_workers', 'workers_active workers_idle workers_max req_delayed req_dropped'),
  toStructure(2207, 'ovs_dp', 'n_hit n_missed n_lost n_mask_hit n_flows n_masks'),
  // NVIDIA's management library
  toStructure(
    '5703:1',
    'nvidia_gpu',
    'device_count processes gpu_time mem_time mem_total/uint64 mem_free/uint64 ecc_errors energy temperature fan_speed',
  ),
];
