#!/usr/bin/env bash
# Installs what users install, each where nothing else of weir is, runs test/smoke.mjs with it, and removes it again: npm's package
# with --global, and the Debian package in a root of its own.
#   test/packages.sh      needs npm with its registry, and for the Debian package dpkg and root
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

try() {
  local weir=$1
  (cd "$work" && "$weir" --version && "$weir" check)
  node test/smoke.mjs "$(realpath "$weir")"
}

echo "== npm"
npm run --silent build
npm pack --ignore-scripts --silent --pack-destination "$work" >/dev/null
npm install --global --prefix "$work/npm" --no-audit --no-fund --silent "$work"/weir-*.tgz
try "$work/npm/bin/weir"
npm uninstall --global --prefix "$work/npm" --silent weir
[ ! -e "$work/npm/bin/weir" ]

command -v dpkg-deb >/dev/null && [ "$(id -u)" = 0 ] || { echo "no dpkg, or not root: the Debian package was not tried"; exit 0; }
echo "== Debian"
packaging/debian/build.sh "$work"
package=$(ls "$work"/weir_*_all.deb)
dpkg-deb --field "$package" Package Version Depends
root="$work/root"
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/log"
touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
# That root has no nodejs, which the package asks for: it runs with the one of this machine.
in_root() { dpkg --root="$root" --force-script-chrootless --log="$work/dpkg.log" "$@"; }
in_root --force-depends --install "$package"
try "$root/usr/bin/weir"
node "$root/usr/bin/weir" check "$root/etc/weir/flow.yml"
echo '# mine' >>"$root/etc/weir/flow.yml"
in_root --force-depends --force-confold --install "$package"
grep -q '^# mine$' "$root/etc/weir/flow.yml"
in_root --remove weir
[ ! -e "$root/usr/lib/weir" ] && [ ! -e "$root/usr/bin/weir" ] && [ -e "$root/etc/weir/flow.yml" ]
in_root --purge weir
[ ! -e "$root/etc/weir/flow.yml" ]
echo "== done: $(du -h "$package" | cut -f 1) $(basename "$package")"
