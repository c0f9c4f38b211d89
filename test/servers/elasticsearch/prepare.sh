#!/bin/sh
# Brings the jars of real Elasticsearch servers for tests into .cache/elasticsearch/<version>/ and compiles the class that
# starts them. Needs mvn and javac. Done once per version; startElasticsearch (index.ts) calls it when something is missing.
#   test/servers/elasticsearch/prepare.sh [VERSION ...]      versions: 7.3.1 7.10.2 7.17.28; default: all
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../../.." && pwd)/.cache/elasticsearch
[ $# -gt 0 ] || set -- 7.3.1 7.10.2 7.17.28

for version in "$@"; do
  pom="$here/pom-$version.xml"
  source="$here/ElasticsearchServer.java"
  [ -f "$pom" ] || { echo "prepare.sh: no pom for Elasticsearch $version" >&2; exit 2; }
  ready="$cache/$version/ready"
  if [ -f "$ready" ] && [ "$ready" -nt "$pom" ] && [ "$ready" -nt "$source" ]; then continue; fi
  # Built aside and moved into place whole: two test workers may do this at the same time.
  work="$cache/$version.$$"
  mkdir -p "$work/classes"
  mvn -q -B -f "$pom" dependency:copy-dependencies -DoutputDirectory="$work/lib" >&2
  javac -nowarn -proc:none -cp "$work/lib/*" -d "$work/classes" "$source"
  touch "$work/ready"
  [ ! -e "$cache/$version" ] || mv "$cache/$version" "$work.old"
  mv -T "$work" "$cache/$version" 2>/dev/null || rm -rf "$work"
  rm -rf "$work.old"
done
