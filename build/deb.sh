#!/bin/sh
# Makes a Debian package of a program.
#
#   build/deb.sh ARCHITECTURE FOLDER [EMULATOR…] PROGRAM
#
# The package is FOLDER/morelia_VERSION_ARCHITECTURE.deb. Times in it are those of the last commit, or
# SOURCE_DATE_EPOCH: the same program makes the same package. COMPRESSION=none saves time in tests.
set -eu
cd "$(dirname "$0")/.."
architecture=$1
folder=$2
shift 2
for program; do :; done

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
maintainer=${MAINTAINER:-$(git log -1 --format="%an <%ae>")}
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
umask 022

install -D -m 755 "$program" "$root/usr/bin/morelia"
${STRIP:-true} "$root/usr/bin/morelia"

# The package's own paths, as `morelia` prints them for a configuration that lies in this tree.
install -d "$root/usr/share/morelia" "$root/usr/lib/systemd/system" "$work/etc/morelia"
"$@" config example | sed 's|^#*path = .*morelia\.db$|path = /var/lib/morelia/morelia.db|' \
	>"$root/usr/share/morelia/morelia.ini"
grep -q '^path = /var/lib/morelia/morelia.db$' "$root/usr/share/morelia/morelia.ini"
cp "$root/usr/share/morelia/morelia.ini" "$work/etc/morelia/"
"$@" --config "$work/etc/morelia/morelia.ini" service unit --program /usr/bin/morelia |
	sed -e "s|$work||g" -e 's|^User=.*|User=morelia|' \
		-e 's|^PrivateTmp=.*|PrivateTmp=yes|' -e 's|^ProtectHome=.*|ProtectHome=yes|' \
		>"$root/usr/lib/systemd/system/morelia.service"

install -d "$root/usr/share/man/man1" "$root/usr/share/bash-completion/completions" \
	"$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
"$@" help --man | gzip -9n >"$root/usr/share/man/man1/morelia.1.gz"
"$@" completions bash >"$root/usr/share/bash-completion/completions/morelia"
"$@" completions zsh >"$root/usr/share/zsh/vendor-completions/_morelia"
"$@" completions fish >"$root/usr/share/fish/vendor_completions.d/morelia.fish"

doc=$root/usr/share/doc/morelia
install -d "$doc" "$root/usr/share/lintian/overrides"
install -m 644 README.ru.md docs/*.md morelia.ini.example "$doc/"
install -D -m 644 docs/ru/operating.md "$doc/ru/operating.md"
gzip -9n <CHANGELOG.md >"$doc/NEWS.gz"
install -m 644 build/debian/copyright "$doc/copyright"
install -m 644 build/debian/lintian-overrides "$root/usr/share/lintian/overrides/morelia"
gzip -9n >"$doc/changelog.gz" <<-CHANGES
	morelia ($version) stable; urgency=medium

	  * What is new is in /usr/share/doc/morelia/NEWS.gz.

	 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGES

# What the program is linked with decides what it depends on.
libc=$(readelf -W --version-info "$program" | grep -o 'GLIBC_2\.[0-9]*' | sort -t . -k 2 -n | tail -n 1)
depends="libc6 (>= ${libc#GLIBC_})"
if readelf -d "$program" | grep -q 'NEEDED.*libgcc_s'; then depends="$depends, libgcc-s1 (>= 3.5)"; fi

control=$root/DEBIAN
install -d "$control"
cat >"$control/control" <<-CONTROL
	Package: morelia
	Version: $version
	Section: net
	Priority: optional
	Architecture: $architecture
	Maintainer: $maintainer
	Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f 1)
	Depends: $depends, adduser, debconf (>= 0.5) | debconf-2.0
	Recommends: ca-certificates
	Description: private chat server in one program and one database file
	 Morelia is a chat server for a family, a club or a small company, on hardware
	 of your own. It speaks MTP 1.0 and brings a web client for every browser and
	 phone. It needs no other database server, runtime or proxy.
	 .
	 After the installation, run "sudo morelia setup".
CONTROL
for script in postinst prerm postrm config; do
	install -m 755 "build/debian/$script" "$control/$script"
done
install -m 644 build/debian/templates "$control/templates"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$control/md5sums"
chmod 644 "$control/md5sums" "$control/control"

find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
package=$folder/morelia_${version}_$architecture.deb
dpkg-deb --root-owner-group "-Z${COMPRESSION:-xz}" --build "$root" "$package" >/dev/null
echo "$package"
