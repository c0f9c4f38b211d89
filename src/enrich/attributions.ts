// Attributions that the licences of the bundled databases ask to show (docs/geoip.md).

export const attributions: readonly string[] = [
  'IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0)',
  'AS numbers by RouteViews, https://www.routeviews.org, and the NRO, https://www.nro.net (CC BY 4.0)',
];
