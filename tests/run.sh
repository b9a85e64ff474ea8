#!/usr/bin/env bash
# Runs all tests: THREADS at a time, by the CARGO that is named.
#
# A test that drives the browser waits for a program that is not ours, on a machine that may be busy. Up
# to three of those that fail are run once more, by themselves, and the last line names them: each such
# line is a fault to look into. Everything else has to pass at once.
set -u -o pipefail
cargo=${CARGO:-cargo}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
$cargo test --no-fail-fast -- --test-threads="${THREADS:-2}" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
[ "$code" -ne 0 ] || exit 0
failed=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log")
parts=$(grep -c '^test result: FAILED' "$log")
if [ "$parts" -ne 1 ] || [ "$(wc -l <<<"$failed")" -gt 3 ] || grep -qv '^web::' <<<"$failed"; then
  exit "$code"
fi
echo "These are run once more, by themselves:" $failed
# shellcheck disable=SC2086 # names of tests have no spaces
$cargo test --test tests -- --exact --test-threads=1 $failed || exit
echo "passed at the second attempt only:" $failed
