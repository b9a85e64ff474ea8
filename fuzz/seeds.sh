#!/bin/sh
# Writes the requests of the golden transcripts to where the fuzzer begins from. The target puts ids
# and tokens of its own cast in, when the first byte is even.
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/requests corpus/frames corpus/http corpus/searches corpus/pictures corpus/hooks
number=0
cat ../tests/golden/*/*.txt | grep -E '^[0-9]?> ' | sed -E '
s/^[0-9]?> //; s/<[a-z]+ ([0-9]+)>/\1/g' | grep -v password | sort -u |
while IFS= read -r line; do
    number=$((number + 1))
    printf '0%s' "$line" > "corpus/requests/golden-$number"
done
printf '\007\201\205\000\000\000\000hello\001\201\000\000\000\000a\200\201\000\000\000\000b' > corpus/frames/text
printf '\001\211\200\000\000\000\000\210\202\000\000\000\000\003\350' > corpus/frames/control
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' > corpus/http/health
printf 'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n' > corpus/http/socket
printf 'GET http://localhost/file/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nRange: bytes=0-5\r\n\r\n' > corpus/http/file
printf 'POST /file HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n' > corpus/http/chunks
number=0
for text in 'cherry' '"exact words"' 'Ёлка elk*' 'a OR (b NEAR c)' '日本語' 'นี่' '^title:"x' '👨‍👩‍👧 family'; do
    number=$((number + 1))
    printf '%s%s' "$number" "$text" > "corpus/searches/text-$number"
done
exif='Exif\000\000MM\000*\000\000\000\010\000\002\001\022\000\003\000\000\000\001\000\006\000\000\210\045\000\004\000\000\000\001\000\000\000\046\000\000\000\000'
printf '\377\330\377\341\000\062'"$exif"'\377\342\000\013MPF\000more\377\376\000\006home\377\332\000\002scan\377\000\377\323more\377\331tail' > corpus/pictures/jpeg
printf '\211PNG\r\n\032\n\000\000\000\004tEXthomecrc!\000\000\000\001IDATxcrc!\000\000\000\000IENDcrc!tail' > corpus/pictures/png
printf 'RIFF\064\000\000\000WEBPVP8X\012\000\000\000\014\000\000\000\000\000\000\000\000\000VP8 \002\000\000\000xxEXIF\003\000\000\000gps\000' > corpus/pictures/webp
number=0
while IFS= read -r line; do
    number=$((number + 1))
    printf '%b' "$line" > "corpus/hooks/post-$number"
done <<'POSTS'
\0000\n\nthe washing machine is done
\0000\ntitle:=?utf-8?B?0JTQstC10YDRjA==?=\ntags:warning,cellar\npriority:high\nactions:view, Open, https://a.b\nmarkdown:yes\n\n**it** is [open](https://a.b)
\0000\nfilename:a.txt\n\nline
\0000\n\n{"topic":"a","title":"T","message":"m","priority":4,"tags":["warning"],"click":"https://a.b","actions":[{"action":"view","label":"Open","url":"https://a.b"}]}
\0000\n\n{"title":"T","message":"m","type":"info","attachments":[]}
\0000\n\n{"text":"ours","format":1,"txn":"a"}
\0004\n\n{"text":"*a* <https://a.b|w> :tada:","username":"Grafana","icon_emoji":":fire:","attachments":[{"color":"#D63232","title":"CPU","title_link":"http://a.b","text":"t","fields":[{"title":"a","value":"b"}],"footer":"f","fallback":"x"}],"blocks":[{"type":"header","text":{"type":"plain_text","text":"H"}},{"type":"section","text":{"type":"mrkdwn","text":"x"},"fields":[{"type":"mrkdwn","text":"y"}]},{"type":"context","elements":[{"type":"image","alt_text":"c"}]},{"type":"divider"}]}
\0000\ncontent-type:application/x-www-form-urlencoded\n\npayload=%7B%22text%22%3A%22a%22%7D
\0005token=x\ncontent-type:multipart/form-data; boundary=x\n\n--x\r\nContent-Disposition: form-data; name="message"\r\n\r\nhello\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\nbytes\r\n--x--\r\n
\0005\n\n{"title":"T","message":"*m*","priority":8,"extras":{"client::display":{"contentType":"text/markdown"},"client::notification":{"click":{"url":"https://a.b"}}}}
\0000\n\n{"version":"4","groupKey":"{}:{}","status":"firing","commonLabels":{"alertname":"A"},"alerts":[{"status":"firing","labels":{"alertname":"A","instance":"pi"},"annotations":{"summary":"s"},"generatorURL":"http://p"}]}
\0003message=rang&title=Bell&priority=min&auth=QmVhcmVyIHRrX3g\n\n
POSTS
