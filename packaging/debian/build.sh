#!/usr/bin/env bash
# Makes weir_VERSION_all.deb of this clone: the built program, the packages it needs, the units of packaging/systemd, the pipeline file.
#   packaging/debian/build.sh [FOLDER]      needs dpkg-deb, and npm with its registry; FOLDER gets the package (default: the clone)
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath "${1:-.}")
version=$(node -p 'require("./package.json").version')
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"

npm run --silent build
library="$root/usr/lib/weir"
mkdir -p "$library"
cp -r dist data pipelines index-templates kibana-saved-objects NOTICE package.json package-lock.json "$library/"
(cd "$library" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent)
# The AS database is in dist/, made of these.
rm -f "$library"/node_modules/@ip-location-db/asn/*.csv
find "$library" -name '*.map' -delete
ls "$library"/dist/databases/asn-*.mmdb >/dev/null

mkdir -p "$root/usr/bin"
ln -s ../lib/weir/dist/app/main.js "$root/usr/bin/weir"
install -D -m 0644 pipelines/flow.yml "$root/etc/weir/flow.yml"
install -D -m 0644 packaging/systemd/weir@.service "$root/usr/lib/systemd/system/weir@.service"
install -D -m 0644 packaging/systemd/weir@.socket "$root/usr/lib/systemd/system/weir@.socket"
install -D -m 0644 monitoring/prometheus-rules.yml "$root/usr/share/doc/weir/examples/prometheus-rules.yml"
cp monitoring/grafana-dashboard.json "$root/usr/share/doc/weir/examples/"
install -D -m 0644 LICENSE "$root/usr/share/doc/weir/copyright"
gzip -9 -n -c CHANGELOG.md >"$root/usr/share/doc/weir/changelog.gz"
chmod -R u=rwX,go=rX "$root"

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<CONTROL
Package: weir
Version: $version
Architecture: all
Maintainer: The authors of weir <weir@localhost>
Section: net
Priority: optional
Depends: nodejs (>= 20.19)
Recommends: systemd
Suggests: redis-server (>= 5:6.2)
Installed-Size: $(du -k -s --apparent-size "$root" | cut -f 1)
Description: network flow ingest for Elasticsearch 7
 Receives NetFlow v5/v9, IPFIX and sFlow, and writes enriched documents, compatible with ElastiFlow 3.5, to Elasticsearch 7 or into files.
CONTROL
echo /etc/weir/flow.yml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "packaging/debian/$script" "$root/DEBIAN/$script"; done

dpkg-deb --root-owner-group -Zxz --build "$root" "$target/weir_${version}_all.deb"
