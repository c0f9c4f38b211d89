// Address ranges of well-known networks all over the world, the most popular first, so that places and AS of the demo look real.
// Nothing is ever sent to them. Checked against the databases that come with the install: each range has a country and an AS.

/** Where people connect to: content networks, clouds, portals. */
export const serviceNetworks: readonly string[] = [
  '142.250.0.0/15', // Google
  '13.107.0.0/16', // Microsoft 365
  '52.84.0.0/15', // Amazon CloudFront
  '104.16.0.0/14', // Cloudflare
  '157.240.0.0/17', // Meta
  '45.57.0.0/17', // Netflix
  '23.192.0.0/11', // Akamai
  '151.101.0.0/16', // Fastly
  '17.248.0.0/16', // Apple
  '172.217.0.0/16', // Google
  '40.96.0.0/13', // Microsoft Exchange Online
  '52.112.0.0/14', // Microsoft Teams
  '18.184.0.0/15', // Amazon, Frankfurt
  '54.76.0.0/15', // Amazon, Ireland
  '74.125.0.0/16', // YouTube
  '2.16.0.0/13', // Akamai, Europe
  '140.82.112.0/20', // GitHub
  '31.13.64.0/18', // Meta, Europe
  '20.190.128.0/18', // Microsoft login
  '162.125.0.0/16', // Dropbox
  '199.232.0.0/16', // Fastly
  '116.202.0.0/15', // Hetzner
  '51.68.0.0/16', // OVH
  '170.114.0.0/16', // Zoom
  '88.198.0.0/16', // Hetzner
  '149.154.160.0/20', // Telegram
  '155.133.224.0/19', // Valve
  '52.223.192.0/18', // Twitch
  '104.244.42.0/24', // X
  '198.38.96.0/19', // Netflix
  '138.68.0.0/16', // DigitalOcean
  '13.112.0.0/14', // Amazon, Tokyo
  '95.211.0.0/16', // LeaseWeb
  '51.15.0.0/16', // Scaleway
  '96.43.144.0/20', // Salesforce
  '185.125.188.0/22', // Canonical
  '129.146.0.0/16', // Oracle
  '45.33.0.0/17', // Linode
  '47.240.0.0/14', // Alibaba, Hong Kong
  '119.28.0.0/15', // Tencent
  '180.76.0.0/16', // Baidu
  '77.88.0.0/18', // Yandex
  '87.240.128.0/18', // VK
  '223.130.192.0/21', // Naver
  '211.231.96.0/20', // Kakao
  '147.92.128.0/17', // LINE
  '133.237.0.0/16', // Rakuten
  '200.147.0.0/16', // UOL
  '186.192.80.0/20', // Globo
  '212.58.224.0/19', // BBC
  '52.64.0.0/14', // Amazon, Sydney
  '54.232.0.0/16', // Amazon, Sao Paulo
  '13.232.0.0/14', // Amazon, Mumbai
  '13.244.0.0/15', // Amazon, Cape Town
  '103.102.166.0/24', // Wikimedia
  '128.142.0.0/16', // CERN
  '129.206.0.0/16', // University of Heidelberg
  '128.30.0.0/15', // MIT
  '193.166.0.0/16', // CSC, Finland
  '130.206.0.0/16', // RedIRIS, Spain
  '146.97.0.0/16', // Jisc
  '192.36.144.0/24', // Netnod time servers
  '129.6.15.0/24', // NIST time servers
];

/** Where people sit: providers of homes and mobile phones. */
export const accessNetworks: readonly string[] = [
  '79.192.0.0/10', // Deutsche Telekom
  '73.0.0.0/8', // Comcast
  '86.128.0.0/10', // BT
  '90.0.0.0/10', // Orange, France
  '83.32.0.0/11', // Telefonica, Spain
  '87.0.0.0/12', // TIM, Italy
  '126.0.0.0/9', // SoftBank, Japan
  '116.224.0.0/12', // China Telecom
  '49.36.0.0/14', // Jio, India
  '179.208.0.0/13', // Claro, Brazil
  '77.160.0.0/13', // KPN
  '83.0.0.0/11', // Orange, Poland
  '82.64.0.0/14', // Free, France
  '90.192.0.0/11', // Sky UK
  '85.0.0.0/13', // Swisscom
  '80.108.0.0/15', // Magenta, Austria
  '84.24.0.0/13', // Ziggo
  '93.32.0.0/13', // Fastweb
  '81.224.0.0/12', // Telia, Sweden
  '84.208.0.0/13', // Telia, Norway
  '80.160.0.0/13', // TDC, Denmark
  '91.152.0.0/13', // Elisa, Finland
  '88.100.0.0/14', // O2, Czechia
  '84.236.0.0/17', // Digi, Hungary
  '78.96.0.0/15', // Vodafone, Romania
  '62.73.64.0/18', // Vivacom, Bulgaria
  '79.128.0.0/14', // OTE, Greece
  '93.136.0.0/13', // Hrvatski Telekom
  '188.80.0.0/14', // MEO, Portugal
  '37.228.224.0/19', // Liberty, Ireland
  '85.220.0.0/17', // Mila, Iceland
  '46.211.0.0/16', // Kyivstar
  '95.24.0.0/13', // Vimpelcom
  '178.176.0.0/14', // MegaFon
  '88.224.0.0/11', // Turk Telekom
  '71.64.0.0/12', // Charter
  '99.0.0.0/12', // AT&T
  '172.56.0.0/15', // T-Mobile USA
  '68.96.0.0/13', // Cox
  '70.24.0.0/13', // Bell Canada
  '99.224.0.0/11', // Rogers
  '70.64.0.0/13', // Shaw
  '187.128.0.0/12', // Telmex
  '177.24.0.0/14', // Vivo
  '181.0.0.0/13', // Telecom Argentina
  '190.160.0.0/15', // VTR, Chile
  '181.128.0.0/14', // EPM, Colombia
  '181.120.0.0/13', // Tigo, Paraguay
  '190.232.0.0/15', // Telefonica del Peru
  '190.72.0.0/14', // CANTV
  '200.87.0.0/16', // Entel, Bolivia
  '186.176.0.0/15', // Tigo, Costa Rica
  '123.112.0.0/12', // China Unicom
  '111.0.0.0/11', // China Mobile
  '153.128.0.0/11', // NTT
  '106.128.0.0/11', // KDDI
  '121.160.0.0/13', // Korea Telecom
  '1.224.0.0/12', // SK Broadband
  '1.160.0.0/12', // Chunghwa
  '219.76.0.0/15', // PCCW
  '116.86.0.0/15', // StarHub
  '175.136.0.0/13', // TM, Malaysia
  '49.228.0.0/14', // AIS, Thailand
  '171.224.0.0/12', // Viettel
  '36.64.0.0/12', // Telkom Indonesia
  '112.198.0.0/15', // Globe, Philippines
  '122.160.0.0/13', // Airtel, India
  '117.192.0.0/11', // BSNL
  '39.32.0.0/12', // PTCL
  '202.166.192.0/19', // WorldLink, Nepal
  '112.134.0.0/15', // Sri Lanka Telecom
  '103.4.144.0/22', // Bangladesh
  '94.200.0.0/14', // du, Emirates
  '188.48.0.0/13', // STC, Saudi Arabia
  '2.176.0.0/13', // TCI, Iran
  '2.72.0.0/14', // Kcell, Kazakhstan
  '41.32.0.0/12', // TE Data, Egypt
  '105.128.0.0/12', // Maroc Telecom
  '105.96.0.0/13', // Telecom Algeria
  '197.0.0.0/12', // Tunisie Telecom
  '105.112.0.0/13', // Airtel, Nigeria
  '154.160.0.0/14', // MTN, Ghana
  '105.160.0.0/13', // Safaricom
  '41.210.128.0/18', // MTN, Uganda
  '196.188.0.0/14', // Ethio Telecom
  '41.0.0.0/13', // Vodacom
  '1.128.0.0/11', // Telstra
  '122.56.0.0/15', // Spark, New Zealand
];

/** As `serviceNetworks`. */
export const serviceNetworksIpv6: readonly string[] = [
  '2a00:1450:4001::/48', // Google, Frankfurt
  '2606:4700:4700::/48', // Cloudflare
  '2a03:2880:f100::/40', // Meta
  '2620:1ec:a92::/48', // Microsoft
  '2600:9000::/28', // Amazon CloudFront
  '2a04:4e42::/36', // Fastly
  '2a02:26f0::/32', // Akamai
  '2620:149::/36', // Apple
  '2a00:86c0::/32', // Netflix
  '2a01:4f8::/32', // Hetzner
  '2607:f8b0:4004::/48', // Google, USA
  '2a05:d014::/36', // Amazon, Frankfurt
  '2001:41d0::/32', // OVH
  '2406:da14::/36', // Amazon, Tokyo
  '2a02:6b8::/32', // Yandex
  '2001:67c:4e8::/48', // Telegram
];

/** As `accessNetworks`. */
export const accessNetworksIpv6: readonly string[] = [
  '2003:c0::/27', // Deutsche Telekom
  '2601::/20', // Comcast
  '2405:200::/32', // Jio, India
  '240e::/20', // China Telecom
  '2a01:cb00::/24', // Orange, France
  '2a00:23c0::/26', // BT
  '2400:2400::/22', // SoftBank
  '2a02:8100::/27', // Vodafone, Germany
  '2a02:1200::/27', // Swisscom
  '2a02:a400::/25', // KPN
  '2001:b07::/32', // Fastweb
  '2a02:8388::/32', // Magenta, Austria
  '2001:14ba::/32', // DNA, Finland
  '2600:1700::/28', // AT&T
  '2409:8a00::/24', // China Mobile
  '240f::/24', // KDDI
  '2001:8003::/32', // Telstra
  '2402:800::/32', // Viettel
  '2001:e68::/32', // TM, Malaysia
  '2001:448a::/32', // Telkom Indonesia
  '2001:b400::/24', // Chunghwa
  '2800:e0::/32', // EPM, Colombia
  '2800:150::/32', // VTR, Chile
  '2c0f:fe38::/32', // Safaricom
  '2c0f:f4c0::/32', // Afrihost, South Africa
];

/** Public resolvers and time servers, known to everyone by their address. */
export const resolvers: readonly string[] = ['8.8.8.8', '1.1.1.1', '9.9.9.9', '8.8.4.4'];
export const timeServers: readonly string[] = ['192.36.144.22', '129.6.15.28', '162.159.200.1', '216.239.35.0'];
