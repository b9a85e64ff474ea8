#!/bin/bash
# Tries the Debian package and the image of this kind of machine where nothing else is installed: lintian,
# then a bare Debian in target/packages (debootstrap), in which the package is installed, set up, upgraded,
# removed, installed again and purged; then the image, started by runc. Needs root.
#
#   build/check-packages.sh [PROGRAM]     without PROGRAM: target/release/morelia
set -eu -o pipefail
cd "$(dirname "$0")/.."
say() { printf '%s\n' "$*" >&2; }
fail() { say "check-packages.sh: $*"; exit 1; }

program=$(realpath "${1:-target/release/morelia}")
[ -x "$program" ] || fail "there is no $program: make program"
[ "$(id -u)" = 0 ] || fail "only root can set up a system of its own: sudo make packages-check"
missing=
for pair in lintian:lintian debootstrap:debootstrap runc:runc; do
	command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
# shellcheck disable=SC2086
[ -z "$missing" ] || apt-get install -y -q --no-install-recommends $missing >/dev/null

architecture=$(dpkg --print-architecture)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
base=$PWD/target/packages
work=$(mktemp -d)
root=$work/root
# Set once there is something to undo.
mounted= server=
clean() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$mounted" ] || umount "$root/proc"
	rm -rf "$work"
}
trap clean EXIT

say "making the package, twice"
for folder in one two; do
	STRIP=strip build/deb.sh "$architecture" "$work/$folder" "$program" >/dev/null
done
package=morelia_${version}_$architecture.deb
cmp "$work/one/$package" "$work/two/$package" || fail "two packages of one program differ"
say "lintian"
lintian --allow-root --fail-on error,warning "$work/one/$package"

if [ ! -e "$base/root.tar" ]; then
	say "making a bare Debian in $base"
	mkdir -p "$base"
	debootstrap --variant=minbase --include=systemd,systemd-sysv stable "$work/new" >"$base/log" 2>&1 ||
		fail "debootstrap failed: see $base/log"
	tar -C "$work/new" -cf "$base/root.tar.part" .
	mv "$base/root.tar.part" "$base/root.tar"
	rm -rf "$work/new"
fi
mkdir "$root"
tar -C "$root" -xf "$base/root.tar"
mount -t proc proc "$root/proc"
mounted=yes
cp "$work/one/$package" "$root/tmp/"
# What would ask systemd writes it down instead.
mkdir -p "$root/run/systemd/system"
mv "$root/bin/systemctl" "$root/bin/systemctl.real"
cat >"$root/bin/systemctl" <<'FAKE'
#!/bin/sh
echo "$*" >>/tmp/systemctl.log
FAKE
chmod +x "$root/bin/systemctl"
inside() { DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }
asked() {
	grep -q -- "$1" "$root/tmp/systemctl.log" 2>/dev/null || return 1
}

say "apt install"
inside apt-get install -y --no-install-recommends "/tmp/$package" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "install"; }
grep -q 'sudo morelia setup$' "$work/log" || fail "it does not end with the command to type"
! asked start || fail "it started a server without an administrator"
[ "$(inside stat -c '%U:%G %a' /var/lib/morelia)" = "morelia:morelia 700" ] || fail "owner of /var/lib/morelia"
[ "$(inside stat -c '%U:%G %a' /etc/morelia/morelia.ini)" = "root:morelia 640" ] || fail "owner of morelia.ini"

say "morelia setup"
inside morelia setup --yes --plain --no-backup --admin anna --generate --group Family >"$work/log" 2>&1 || [ $? = 5 ] ||
	{ cat "$work/log" >&2; fail "setup"; }
asked "restart morelia.service" || fail "setup did not start the server"
[ ! -e "$root/etc/systemd/system/morelia.service" ] || fail "setup wrote a second unit beside the package's"
# Not by the function above: what is ended below has to be the server itself.
chroot "$root" setpriv --reuid=morelia --regid=morelia --init-groups \
	morelia --config /etc/morelia/morelia.ini serve --port 0 >"$work/ready" 2>"$work/serve.log" &
server=$!
for _ in $(seq 600); do
	grep -q '^listening on ' "$work/ready" && break
	kill -0 "$server" || { cat "$work/serve.log" >&2; fail "the server ended"; }
	sleep 0.1
done
inside morelia status --health

say "upgrade over a running server"
: >"$root/tmp/systemctl.log"
cp -a "$root/etc/morelia/morelia.ini" "$work/before"
inside dpkg -i "/tmp/$package" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "upgrade"; }
asked "try-restart morelia.service" || fail "the upgrade did not restart the server"
! asked "stop morelia.service" || fail "the upgrade stopped the server before the new program was there"
cmp "$work/before" "$root/etc/morelia/morelia.ini" || fail "the upgrade changed the configuration"
kill "$server"
wait "$server" || true
server=

say "remove, install again, purge"
inside dpkg -r morelia >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "remove"; }
asked "stop morelia.service" || fail "removing did not stop the server"
[ -e "$root/var/lib/morelia/morelia.db" ] && [ -e "$root/etc/morelia/morelia.ini" ] || fail "removing lost data"
inside dpkg -i "/tmp/$package" >"$work/log" 2>&1 || fail "install again"
grep -q 'enable --now morelia$' "$work/log" || fail "it does not say how to start what is there"
inside morelia user list | grep -q anna || fail "the account is gone"
inside dpkg --purge morelia >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "purge"; }
[ -e "$root/var/lib/morelia/morelia.db" ] || fail "purging deleted messages that nobody agreed to delete"
inside dpkg -i "/tmp/$package" >"$work/log" 2>&1
echo "morelia morelia/delete-data boolean true" | inside debconf-set-selections
inside dpkg --purge morelia >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "purge"; }
[ ! -e "$root/var/lib/morelia" ] && [ ! -e "$root/etc/morelia" ] || fail "purging kept what it was told to delete"

say "the image"
build/image.py "$work/image.tar" "$architecture=$program" >/dev/null
mkdir -p "$work/image" "$work/bundle/rootfs"
tar -C "$work/image" -xf "$work/image.tar"
python3 - "$work/image" "$work/bundle" <<'PYTHON'
import json, subprocess, sys
image, bundle = sys.argv[1:]
def blob(entry):
    return f"{image}/blobs/" + entry["digest"].replace(":", "/")
index = json.load(open(f"{image}/index.json"))
manifest = json.load(open(blob(index["manifests"][0])))
config = json.load(open(blob(manifest["config"])))["config"]
for layer in manifest["layers"]:
    subprocess.run(["tar", "-C", f"{bundle}/rootfs", "-xzf", blob(layer)], check=True)
subprocess.run(["runc", "spec", "-b", bundle], check=True)
spec = json.load(open(f"{bundle}/config.json"))
user = int(config["User"].split(":")[0])
spec["process"].update(
    terminal=False, cwd=config["WorkingDir"], env=config["Env"], user={"uid": user, "gid": user}
)
spec["root"]["readonly"] = False
# The test machine may have no control groups to give.
spec["linux"].pop("resources", None)
for name, arguments in [
    ("init", ["init", "--admin", "anna", "--generate"]),
    ("serve", config["Cmd"] + ["--host", "127.0.0.1", "--port", "0"]),
]:
    spec["process"]["args"] = config["Entrypoint"] + arguments
    json.dump(spec, open(f"{bundle}/{name}.json", "w"))
PYTHON
mv "$work/bundle/init.json" "$work/bundle/config.json"
runc run -b "$work/bundle" "morelia-check-$$" >/dev/null
mv "$work/bundle/serve.json" "$work/bundle/config.json"
runc run -b "$work/bundle" "morelia-check-$$" >"$work/ready" 2>"$work/serve.log" &
server=$!
for _ in $(seq 600); do
	grep -q '^listening on ' "$work/ready" && break
	kill -0 "$server" || { cat "$work/serve.log" >&2; fail "the server in the image ended"; }
	sleep 0.1
done
[ "$(runc exec "morelia-check-$$" /usr/bin/morelia status --health)" = ok ] || fail "the health command"
runc kill "morelia-check-$$" TERM
wait "$server" || fail "the server in the image ended with code $?"
server=
say "the package and the image work"
