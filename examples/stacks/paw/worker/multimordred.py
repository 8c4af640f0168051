"""Collects made-up commits: documents go to Elasticsearch, their authors to SortingHat, the position is kept in Redis."""
import json
import os
import signal
import time
import urllib.request

import redis

AUTHORS = [("Ada", "ada@example.org"), ("Grace", "grace@example.org"), ("Edsger", "edsger@example.org")]


def send(method, url, document):
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"}, method=method)
    urllib.request.urlopen(request, timeout=5).close()


def collect(position):
    name, email = AUTHORS[position % len(AUTHORS)]
    send("PUT", f"{os.environ['ELASTICSEARCH_URL']}/commits/_doc/{position}", {"author": name, "number": position})
    send("POST", f"{os.environ['SORTINGHAT_URL']}/identities/", {"name": name, "email": email})


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    store = redis.Redis.from_url(os.environ["REDIS_URL"])
    while True:
        position = int(store.get("position") or 0)
        try:
            collect(position)
            store.set("position", position + 1)
            print("collected commit", position, flush=True)
        except OSError as error:
            print("will try again:", error, flush=True)
        time.sleep(float(os.environ["INTERVAL_SECONDS"]))


main()
