#!/bin/sh
# A bot that answers: whoever writes "!time" in a conversation of the bot's is told the time.
# Needs curl and jq. MORELIA is the address of the server, TOKEN a token of the bot's with read and write.
set -eu
api="$MORELIA/api/v1"
ask() { curl -sf -H "Authorization: Bearer $TOKEN" "$@"; }

me=$(ask "$api/me" | jq -r .id)
after=$(ask "$api/updates" | jq .position)
echo "ready"
while :; do
    updates=$(ask "$api/updates?after=$after&wait=30") || { sleep 5; continue; }
    after=$(printf %s "$updates" | jq .position)
    printf %s "$updates" |
        jq -r --arg me "$me" '.messages[] | select(.from != $me and .text == "!time") | "\(.flow) \(.id)"' |
        while read -r flow message; do
            text=$(jq -n --arg text "It is $(date +%H:%M)." --arg reply "$message" '{$text, $reply}')
            ask -H "Idempotency-Key: $message" -d "$text" "$api/flows/$flow/messages" >/dev/null
        done
done
