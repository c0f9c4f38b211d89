#!/usr/bin/env bash
# Builds the image and runs docker-compose.yml with its profile for real: an exporter outside (a network namespace with an address
# of its own) → UDP ports → Redis → workers → Elasticsearch. Then containers are killed, taken down and brought up again, and go on
# without a Kibana. Says what was sent and what was indexed, which must be the same, once with the host's network, once with published ports.
#   test/compose/run.sh       as root, on Linux; needs docker (running, or dockerd to start), docker compose >= 2.24, ip, iptables,
#                             and the images named in docker-compose.yml, or debootstrap, Java, Maven and npm to make stand-ins
set -euo pipefail
cd "$(dirname "$0")/../.."
here=test/compose
work=$(mktemp -d)
export COMPOSE_PROJECT_NAME=weir-test DOCKER_BUILDKIT=0 ELASTICSEARCH_HEAP=512m
exporter_address=10.99.77.2
host_address=10.99.77.1
namespace=weir-exporter
daemon=
sent=0

say() { printf '%4ss  %s\n' "$SECONDS" "$*"; }
fail() { say "FAILED: $*"; docker compose "${files[@]}" --profile elastic logs --tail 40 || true; exit 1; }

finish() {
  docker compose "${files[@]}" --profile elastic down --volumes --timeout 20 >/dev/null 2>&1 || true
  ip netns delete "$namespace" 2>/dev/null || true
  ip link delete weir-exporter 2>/dev/null || true
  if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null || true; fi
  rm -rf "$work"
}
files=(-f docker-compose.yml)
trap finish EXIT

if ! docker info >/dev/null 2>&1; then
  # The images stay for the next run. vfs works everywhere.
  dockerd --storage-driver vfs --data-root "${WEIR_TEST_DOCKER:-/var/lib/weir-test-docker}" --exec-opt native.cgroupdriver=cgroupfs \
    --default-ulimit nofile=1024:1024 >"$work/dockerd.log" 2>&1 &
  daemon=$!
  for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 1; done
  docker info >/dev/null || { tail -20 "$work/dockerd.log"; exit 1; }
fi
say "images"
$here/images/prepare.sh
say "docker build"
docker compose build --quiet listen
docker image inspect weir:latest --format 'weir:latest has {{.Size}} bytes, runs as {{.Config.User}}'

ip netns add "$namespace"
ip link add weir-exporter type veth peer name eth0 netns "$namespace"
ip addr add "$host_address/24" dev weir-exporter
ip link set weir-exporter up
ip -n "$namespace" addr add "$exporter_address/24" dev eth0
ip -n "$namespace" link set eth0 up
ip -n "$namespace" link set lo up

compose() { docker compose "${files[@]}" --profile elastic "$@"; }
elasticsearch() { curl -fsS "http://127.0.0.1:9200/$1"; }
# Sends $1 records at $2 a second.
send() {
  ip netns exec "$namespace" node $here/send-flows.mjs "$host_address" 2055 "$sent" "$1" "$2"
  sent=$((sent + $1))
}
indexed() {
  elasticsearch 'weir-flow-*/_refresh' >/dev/null 2>&1 || true
  elasticsearch "weir-flow-*/_count?q=node.ipaddr:$exporter_address" 2>/dev/null | sed 's/.*"count":\([0-9]*\).*/\1/' || echo 0
}
wait_for_all() {
  for _ in $(seq 120); do
    [ "$(indexed)" = "$sent" ] && { say "$1: sent $sent, indexed $sent, from $exporter_address"; return; }
    sleep 1
  done
  fail "$1: sent $sent, indexed $(indexed); all documents: $(elasticsearch 'weir-flow-*/_count')"
}
# "--wait" gives up at once when a container is unhealthy, as those are that miss what was just killed: hence three times.
up() {
  for _ in 1 2 3; do
    compose up -d --wait --wait-timeout 300 --quiet-pull "$@" >"$work/up.log" 2>&1 && return
    sleep 10
  done
  cat "$work/up.log"
  fail "docker compose up"
}

# All of it is read: what ends early would end "compose logs" by a signal, and that is an error here.
logged() { [ "$(compose logs "$1" | grep -cF "$2")" -gt 0 ]; }
# What the compose file promises of its containers, asked of those that run.
check_confinement() {
  local service id
  for service in listen work; do
    id=$(compose ps -q "$service" | head -1)
    [ "$(docker exec "$id" id -u)" = 10001 ] || fail "$service runs as $(docker exec "$id" id)"
    if docker exec "$id" sh -c 'touch /app/x || touch /etc/x || touch /x' 2>/dev/null; then fail "$service can write to its image"; fi
    docker exec "$id" grep -q '^CapEff:[[:space:]]*0*$' /proc/1/status || fail "$service has capabilities"
    docker exec "$id" grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/1/status || fail "$service may gain privileges"
    say "$service: user 10001, read-only, without capabilities; weir healthcheck: $(docker exec "$id" weir healthcheck /etc/weir/flow.yml)"
  done
  id=$(docker inspect --format '{{.State.Pid}}' "$(compose ps -q listen)")
  say "receive buffer of port 2055: $(nsenter --target "$id" --net ss -Huanm 'sport = :2055' | grep -o 'rb[0-9]*' | head -1 | tr -d rb) bytes (twice of what was asked for; net.core.rmem_max $(cat /proc/sys/net/core/rmem_max))"
}
check_templates() {
  local template
  for template in weir-flow weir-ledger weir-dead-letters weir-rollup; do
    elasticsearch "_index_template/$template" >/dev/null || fail "no template $template"
  done
  say "templates: $(elasticsearch '_cat/templates/weir*?h=name&s=name' | tr -s ' \n' ' ')"
}

try() {
  say "== $1"
  sent=0
  up --scale work=2
  say "all containers are healthy: $(compose ps --format '{{.Service}}' | sort | uniq -c | tr -s ' \n' ' ')"
  send 5000 2500
  wait_for_all "exporter outside"
  for _ in $(seq 60); do logged work 'the dashboards are in Kibana' && break; sleep 1; done
  logged work 'the dashboards are in Kibana' || fail "no dashboards"
  say "the dashboards are in Kibana"
  check_confinement
  check_templates

  send 20000 2500 &
  sender=$!
  sleep 2
  docker kill --signal KILL "$(compose ps -q work | head -1)" >/dev/null
  sleep 2
  docker kill --signal KILL "$(compose ps -q redis)" >/dev/null
  wait "$sender"
  sent=$((sent + 20000))
  # What "docker kill" ended is not restarted by Docker: that is somebody's wish.
  up --scale work=2
  wait_for_all "a worker and Redis killed under load"

  compose stop elasticsearch >/dev/null 2>&1
  send 5000 2500
  compose down --timeout 30 >/dev/null 2>&1
  say "taken down while 5000 flows waited"
  up --scale work=2
  wait_for_all "docker compose down and up"

  compose stop kibana >/dev/null 2>&1
  compose restart work >/dev/null 2>&1
  send 2500 2500
  wait_for_all "Kibana away"
  KIBANA_URL='' compose up -d --no-deps --scale work=2 work >/dev/null 2>&1
  send 2500 2500
  wait_for_all "without a Kibana"
  if logged work Kibana; then fail "a worker that has no Kibana asks for one"; fi
  for service in listen work; do
    compose logs "$service" | grep -F '"level":50' && fail "$service logged errors" || true
  done
  compose down --volumes --timeout 30 >/dev/null 2>&1
}

try "host network"
files=(-f docker-compose.yml -f docker-compose.ports.yml)
try "published ports"
say "done"
