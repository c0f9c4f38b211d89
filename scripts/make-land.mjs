// Makes kibana-saved-objects/land.json, the outlines of the continents on the maps of the dashboards, from Natural Earth's land of 1:110 million
// (public domain) as the npm package world-atlas has it: `node scripts/make-land.mjs LAND-110M.JSON`. In half degrees, without small islands:
// a map is a few hundred pixels wide, and the file is in each of them.

import { readFileSync, writeFileSync } from 'node:fs';

const perDegree = 2;
/** Square half degrees. */
const smallestArea = 16;
/** Degrees: nobody has flows in Antarctica. */
const southernmost = -60;

const { arcs, transform, objects } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

function toPoints(index) {
  let [x, y] = [0, 0];
  const points = arcs[index < 0 ? ~index : index].map(([dx, dy]) => {
    x += dx;
    y += dy;
    return [x * transform.scale[0] + transform.translate[0], y * transform.scale[1] + transform.translate[1]];
  });
  return index < 0 ? points.reverse() : points;
}

const polygons = objects.land.geometries
  .flatMap(({ type, arcs: parts }) => (type === 'MultiPolygon' ? parts : [parts]))
  .map(([outer]) =>
    outer
      .flatMap(toPoints)
      .map((point) => point.map((degrees) => Math.round(degrees * perDegree)))
      .filter(([x, y], index, all) => index === 0 || x !== all[index - 1][0] || y !== all[index - 1][1]),
  );

function areaOf(ring) {
  return Math.abs(
    ring.reduce((sum, [x, y], index) => {
      const [nextX, nextY] = ring[(index + 1) % ring.length];
      return sum + x * nextY - nextX * y;
    }, 0) / 2,
  );
}

const rings = polygons.filter(
  (ring) => ring.length > 3 && areaOf(ring) >= smallestArea && ring.some(([, y]) => y > southernmost * perDegree),
);
const topology = {
  type: 'Topology',
  transform: { scale: [1 / perDegree, 1 / perDegree], translate: [0, 0] },
  objects: { land: { type: 'MultiPolygon', arcs: rings.map((_, index) => [[index]]) } },
  arcs: rings.map((ring) =>
    ring.map(([x, y], index) => (index === 0 ? [x, y] : [x - ring[index - 1][0], y - ring[index - 1][1]])),
  ),
};
writeFileSync(new URL('../kibana-saved-objects/land.json', import.meta.url), `${JSON.stringify(topology)}\n`);
