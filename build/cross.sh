#!/usr/bin/env bash
# Builds the program for a Raspberry Pi on another kind of machine, packs it, and starts it in an
# emulator. What is needed for that and not installed comes from Debian, is unpacked into
# target/cross and installed nowhere.
#
#   build/cross.sh dist  arm64|armhf     build and pack into target/dist
#   build/cross.sh check arm64|armhf     start what was built, and talk to it
#   build/cross.sh deb   arm64|armhf     build, and make a Debian package in target/dist
#   build/cross.sh build arm64|armhf     build only
#   build/cross.sh where arm64|armhf     print program and libraries, as build/image.py takes them
#
# A compiler named by RUSTC is taken as it is; it has to know the target (`rustup target add`).
set -eu -o pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "cross.sh: $*"; exit 1; }

work=${1:-} arch=${2:-}
case $arch in
arm64) # Pi 3, 4, 5, Zero 2 W with a 64-bit system; the emulator is set to the oldest of them
	target=aarch64-unknown-linux-gnu triplet=aarch64-linux-gnu machine=aarch64
	emulator="qemu-aarch64-static -cpu cortex-a53" ;;
armhf) # Pi 2 and newer with a 32-bit system
	target=armv7-unknown-linux-gnueabihf triplet=arm-linux-gnueabihf machine=armv7l
	emulator="qemu-arm-static -cpu cortex-a7" ;;
*) fail "say for what: build/cross.sh dist|check|deb|build|where arm64|armhf" ;;
esac

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
here=$PWD/target/cross/$arch
root=$here/root
host=$(dpkg --print-architecture) || fail "this takes its compilers from Debian's packages and needs dpkg and apt"
# A cross compiler that is installed is taken; it knows its way in the place that it was made for.
if command -v "$triplet-gcc" >/dev/null; then cross=/usr; else cross=$root/usr; fi
libraries=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
program=$here/build/$target/release/morelia

# apt with lists and packages of its own, which needs no root and leaves the system's alone.
own_apt() {
	local tool=$1
	shift
	# Of the other kind of machine, only Debian's compiler needs anything.
	local other=()
	[ -n "${RUSTC:-}" ] || other=(-o "APT::Architectures::=$arch")
	"$tool" -q -o "APT::Architectures::=$host" "${other[@]}" \
		-o "Dir::State=$here/apt/state" -o "Dir::Cache=$here/apt/cache" \
		-o Dir::State::status=/var/lib/dpkg/status -o Debug::NoLocking=1 \
		-o "APT::Sandbox::User=$(id -un)" -o Acquire::Retries=3 "$@"
}

# Downloads what this machine has not installed, and unpacks it.
fetch() {
	# What was fetched for a compiler of somebody's own lacks Debian's.
	if [ -e "$here/complete" ] && { [ -n "${RUSTC:-}" ] || [ -x "$root/usr/bin/rustc" ]; }; then return; fi
	say "fetching compilers for $arch from Debian into $here"
	rm -rf "$root" "$here/apt"
	mkdir -p "$root" "$here/apt/state/lists/partial" "$here/apt/cache/archives/partial"
	own_apt apt-get update >&2
	local packages=qemu-user-static
	[ "$cross" = /usr ] || packages="$packages gcc-$triplet libc6-dev-$arch-cross"
	[ -n "${RUSTC:-}" ] || packages="$packages rustc-web libstd-rust-web-dev"
	# shellcheck disable=SC2086
	own_apt apt-get install -y --no-install-recommends --download-only --reinstall $packages >&2
	if [ -z "${RUSTC:-}" ]; then
		# The same version as the compiler's, which reads no other.
		local version
		version=$(cd "$here/apt/cache/archives" && dpkg-deb -f libstd-rust-web-dev_*.deb Version)
		(cd "$here/apt/cache/archives" && own_apt apt-get download "libstd-rust-web-dev:$arch=$version" >&2)
	fi
	local package
	for package in "$here"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
	rm -rf "$here/apt"
	# It names the C library by its path on a system where it is installed.
	[ "$cross" = /usr ] || sed -i "s#/usr/$triplet/lib/##g" "$cross/$triplet/lib/libc.so"
	touch "$here/complete"
}

# Programs that find what they need in the folder that they were unpacked into.
wrap() {
	mkdir -p "$here/bin"
	local tool
	for tool in gcc ar; do
		cat >"$here/bin/$triplet-$tool" <<-SCRIPT
			#!/bin/sh
			export LD_LIBRARY_PATH="$libraries" PATH="$cross/bin:\$PATH"
			exec "$cross/bin/$triplet-$tool" "\$@"
		SCRIPT
		chmod +x "$here/bin/$triplet-$tool"
	done
	[ -z "${RUSTC:-}" ] || return 0
	cat >"$here/bin/rustc" <<-SCRIPT
		#!/bin/sh
		LD_LIBRARY_PATH="$libraries" exec "$root/usr/bin/rustc" --sysroot "$root/usr" "\$@"
	SCRIPT
	chmod +x "$here/bin/rustc"
	RUSTC=$here/bin/rustc
}

# Tells whether version $1 is at least version $2.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

build() {
	local found shell_name upper
	found=$("$RUSTC" --version | cut -d ' ' -f 2)
	at_least "$found" "$needed" || fail "Debian's compiler here is $found, and $needed is needed: \
install one that knows $target (rustup target add $target) and name it, RUSTC=\$(rustup which rustc)"
	shell_name=${target//-/_}
	upper=${shell_name^^}
	say "building for $target with rustc $found"
	env RUSTC="$RUSTC" CARGO_TARGET_DIR="$here/build" \
		"CARGO_TARGET_${upper}_LINKER=$here/bin/$triplet-gcc" \
		"CC_$shell_name=$here/bin/$triplet-gcc" "AR_$shell_name=$here/bin/$triplet-ar" \
		nice -n 10 "${CARGO:-cargo}" build --release --locked --target "$target" --bin morelia
}

# The program, started in the emulator.
# shellcheck disable=SC2206
emulated=("$root/usr/bin/"$emulator -L "$cross/$triplet" "$program")

# A whole conversation: set-up, a server, a login, a message there and back.
check() {
	[ -x "$program" ] || fail "there is nothing to start yet: build/cross.sh dist $arch"
	folder=$(mktemp -d)
	server=
	trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
	export XDG_STATE_HOME=$folder XDG_CONFIG_HOME=$folder XDG_CACHE_HOME=$folder HOME=$folder
	local morelia=("${emulated[@]}" --config "$folder/morelia.ini")
	say "morelia for $arch under $emulator"
	"${morelia[@]}" --version
	printf 'a long password\n' >"$folder/password"
	"${morelia[@]}" init --admin anna --password-file "$folder/password"
	"${morelia[@]}" serve --host 127.0.0.1 --port 0 >"$folder/ready" 2>"$folder/log" &
	server=$!
	local waited=0
	until grep -q '^listening on ' "$folder/ready"; do
		kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; fail "the server ended"; }
		waited=$((waited + 1))
		[ "$waited" -lt 600 ] || fail "the server did not come up within a minute"
		sleep 0.1
	done
	local url
	url=$(sed -n 's/^listening on //p' "$folder/ready")
	"${morelia[@]}" client ping "$url"
	"${morelia[@]}" client login "$url" anna --password-file "$folder/password"
	"${morelia[@]}" flow create group --owner anna --title Family
	"${morelia[@]}" client send "$url" Family "Hello from $arch"
	"${morelia[@]}" client history "$url" Family | tee "$folder/history"
	grep -q "Hello from $arch" "$folder/history" || fail "the message did not come back"
	kill -TERM "$server"
	wait "$server" || fail "the server ended with code $?"
	server=
	"${morelia[@]}" db check
	say "the program for $arch works under $emulator"
}

case $work in
dist)
	fetch
	wrap
	build
	build/pack.sh "morelia-$version-$machine-linux" "${emulated[@]}"
	;;
deb)
	fetch
	wrap
	build
	build/deb.sh "$arch" target/dist "${emulated[@]}"
	;;
build)
	fetch
	wrap
	build
	;;
where) printf '%s:%s\n' "$program" "$cross/$triplet/lib" ;;
check) fetch; check ;;
*) fail "say what to do: build/cross.sh dist|check|deb|build|where $arch" ;;
esac
