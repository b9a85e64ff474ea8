#!/bin/sh
# Makes all files of a release from the tag of this commit, into target/dist:
#
#   build/release.sh
#
# ARCHITECTURES="amd64 arm64 armhf" says for which machines; without it, for this one and both kinds of
# Raspberry Pi. docs/releasing.md says what comes before and after.
set -eu
cd "$(dirname "$0")/.."
say() { printf '%s\n' "$*" >&2; }
fail() { say "release.sh: $*"; exit 1; }

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
[ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed: see git status"
git tag --points-at HEAD | grep -qx "v$version" ||
	fail "this commit has no tag v$version: set version in Cargo.toml, commit, then git tag -a v$version"
grep -q "^## $version" CHANGELOG.md || fail "CHANGELOG.md has no section $version"

host=$(dpkg --print-architecture)
architectures=${ARCHITECTURES:-$host $(printf '%s\n' arm64 armhf | grep -vx "$host" | tr '\n' ' ')}
rm -rf target/dist
mkdir -p target/dist
git archive --format=tar --prefix="morelia-$version/" HEAD | gzip -9n >"target/dist/morelia-$version.tar.gz"
for architecture in $architectures; do
	if [ "$architecture" = "$host" ]; then
		make --no-print-directory dist deb
	else
		make --no-print-directory "dist-$architecture" "deb-$architecture"
	fi
done
case " $architectures " in
*" amd64 "*" arm64 "*) make --no-print-directory image ;;
*) build/image.py "target/dist/morelia-$version-image.tar" "$host=target/release/morelia" ;;
esac
make --no-print-directory sbom
cd target/dist
find . -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
rm -f ./*.sha256
sha256sum -- * >SHA256SUMS
cat SHA256SUMS
