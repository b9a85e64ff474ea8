#!/bin/bash
# Upgrades a server from an older version to this one and goes back, with the two programs themselves.
#
#   build/check-upgrade.sh [COMMIT]     without COMMIT: the last tag before this commit
#
# The older one is built in target/upgrade, from git. The newer one is PROGRAM, or target/debug/morelia.
set -eu -o pipefail
cd "$(dirname "$0")/.."
say() { printf '%s\n' "$*" >&2; }
fail() { say "check-upgrade.sh: $*"; exit 1; }

commit=${1:-$(git describe --tags --abbrev=0 HEAD^ 2>/dev/null || true)}
[ -n "$commit" ] || fail "there is no tag before this commit: say from which commit, make upgrade-check FROM=COMMIT"
commit=$(git rev-parse --verify --quiet "$commit^{commit}") || fail "git has no commit $commit"
newer=$(realpath "${PROGRAM:-target/debug/morelia}")
[ -x "$newer" ] || fail "there is no $newer: make build"

base=$PWD/target/upgrade
older=$base/$commit
if [ ! -x "$older" ]; then
	say "building $commit"
	rm -rf "$base/source"
	mkdir -p "$base/source"
	git archive "$commit" | tar -x -C "$base/source"
	(cd "$base/source" && CARGO_TARGET_DIR="$base/build" "${CARGO:-cargo}" build --quiet)
	cp "$base/build/debug/morelia" "$older"
fi

work=$(mktemp -d)
server=
stop() {
	[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" || true; }
	server=
}
trap 'stop; rm -rf "$work"' EXIT
cd "$work"
mkdir home
export HOME=$work/home XDG_CONFIG_HOME=$work/home

# Starts a server and waits until it listens.
serve() {
	"$1" serve --port 0 >ready 2>>log &
	server=$!
	for _ in $(seq 600); do
		! grep -q '^listening on ' ready || return 0
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	cat log >&2
	fail "the server did not start"
}
# Says something by a running server's file.
tell() { "$1" message send Family --as anna "$2" >/dev/null; }
# What is in the group, by a program.
told() { "$1" --json message list Family; }
schema() { "$1" --json --version | sed -n 's/.*"schema": *\([0-9]*\).*/\1/p'; }

say "schema $(schema "$older") by the older program, $(schema "$newer") by the newer one"
[ "$(schema "$older")" -lt "$(schema "$newer")" ] || fail "both have the same schema: there is nothing to see"
"$older" --quiet init --admin anna --generate >/dev/null
"$older" --quiet user add boris --generate >/dev/null
"$older" --quiet flow create group --title Family --owner anna --member boris >/dev/null
serve "$older"
tell "$older" "by the older program"

say "upgrade"
stop
serve "$newer"
tell "$newer" "by the newer program"
for text in older newer; do
	told "$newer" | grep -q "by the $text program" || fail "the message by the $text program is not there"
done
"$newer" --quiet check database >/dev/null || fail "check database finds something"
stop
[ -e "morelia.schema-$(schema "$older").db" ] || fail "there is no copy from before"

say "the older program beside the newer one's database"
cp morelia.db before.db
code=0
"$older" serve --port 0 >ready 2>refusal || code=$?
[ "$code" = 78 ] || { cat refusal >&2; fail "it ended with $code instead of 78"; }
grep -q 'db rollback' refusal || { cat refusal >&2; fail "it does not say what to do"; }
cmp morelia.db before.db || fail "it changed the database"

say "back"
"$older" --quiet db rollback --yes
serve "$older"
told "$older" | grep -q "by the older program" || fail "the older message is gone"
! told "$older" | grep -q "by the newer program" || fail "the newer database is still there"
tell "$older" "again by the older program"
stop
ls morelia.before-rollback-*.db >/dev/null || fail "what was written since is not kept"

say "and forward once more"
serve "$newer"
told "$newer" | grep -q "again by the older program" || fail "the message is gone"
stop
say "all is as docs/operating.md says"
