#!/bin/sh
# Archives a program with its documentation in target/dist, with a checksum beside it.
#
#   build/pack.sh NAME [EMULATOR…] PROGRAM
#
# The time in the archive is that of the last commit: the same program makes the same archive.
set -eu
cd "$(dirname "$0")/.."
name=$1
shift
for program; do :; done

folder=target/dist/$name
rm -rf "$folder"
mkdir -p "$folder/docs/ru"
cp "$program" morelia.ini.example README.md CHANGELOG.md COPYING COPYING.LESSER "$folder/"
cp README.ru.md "$folder/"
cp docs/*.md "$folder/docs/"
cp docs/ru/*.md "$folder/docs/ru/"
"$@" help --man >"$folder/morelia.1"
time=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
cd target/dist
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" -cf - "$name" | gzip -9n >"$name.tar.gz"
sha256sum "$name.tar.gz" >"$name.tar.gz.sha256"
cat "$name.tar.gz.sha256"
