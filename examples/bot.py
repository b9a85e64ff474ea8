#!/usr/bin/env python3
"""A bot that answers: whoever writes "!dice" in a conversation of the bot's gets a number from 1 to 6.

Needs nothing but Python. MORELIA is the address of the server, TOKEN a token of the bot's with read and write.
"""
import json
import os
import random
import time
import urllib.error
import urllib.request

API = os.environ["MORELIA"] + "/api/v1"
HEADERS = {"Authorization": "Bearer " + os.environ["TOKEN"], "Content-Type": "application/json"}


def ask(path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(API + path, data, {**HEADERS, **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def main():
    me = ask("/me")["id"]
    after = ask("/updates")["position"]
    print("ready", flush=True)
    while True:
        try:
            updates = ask(f"/updates?after={after}&wait=30")
            for message in updates["messages"]:
                if message["from"] != me and message["text"] == "!dice":
                    body = {"text": f"You have thrown a {random.randint(1, 6)}.", "reply": message["id"]}
                    # A repetition after a failure writes nothing a second time.
                    ask(f"/flows/{message['flow']}/messages", body, **{"Idempotency-Key": message["id"]})
            after = updates["position"]
        except (urllib.error.URLError, TimeoutError):
            time.sleep(5)


if __name__ == "__main__":
    main()
