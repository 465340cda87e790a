"""How long a client waits for 1 MiB at a random offset that left the local disk, and how much of it the machine takes.

usage: cold_read.py [--rounds 3] [--stores file,s3] [--delay 20]

Of each round the first figures are for objects that the broker does not know yet (it was started anew, its cache and kept
footers were removed: two reads, one after the other), the second for other places of the same objects (footer known).
Read-ahead is off, so that nothing is at hand by chance.

  file   beside it `tailgen limit`: open, pread and zstd of as many frames, without and with loopback; and the same with
         the objects dropped from the page cache
  s3     SeaweedFS behind Tests/ObjectStoresTests/fault_proxy.py, which waits --delay ms before the first byte; beside it
         the same two ranges fetched by a client of a few lines, one after the other, over one connection
"""

import argparse
import datetime
import hashlib
import hmac
import http.client
import os
import pathlib
import platform
import random
import re
import statistics
import tempfile
import time

import tail_bench as bench
from tail_bench import archive, clients
import s3

RECORD, OBJECT = 1000, 6 << 20
PER_OBJECT = OBJECT // 1000


def forget(broker):
    """Without the chunk cache and kept footers every read goes to the store."""
    index = archive.index_file(broker)
    for path in index.parent.rglob("*"):
        if path != index and path.is_file():
            path.unlink()


def drop_pages(broker):
    os.sync()
    for path in archive.objects(broker):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def places(dice, objects, part):
    """One offset in each object, in random order; `part` keeps the rounds of one start apart."""
    chosen = [number * PER_OBJECT + part + dice.randrange(600) for number in range(objects)]
    dice.shuffle(chosen)
    return chosen


def measure(target, topic, local, rounds, before_round, dice):
    """[(unknown, known)] figures of tailgen cold, by round."""
    objects = local // PER_OBJECT - 1
    out = []
    for _ in range(rounds):
        assert target.broker.stop() == 0
        forget(target.broker)
        before_round()
        target.broker.start()
        port = target.broker.port
        # The process' own first read warms code and memory.
        bench.tailgen("cold", port, topic, offsets=[objects * PER_OBJECT + 100])
        unknown = bench.tailgen("cold", port, topic, offsets=places(dice, objects, 0))
        known = bench.tailgen("cold", port, topic, offsets=places(dice, objects, PER_OBJECT // 2))
        out.append((unknown, known))
    return out


def show(name, rounds):
    for index, what in enumerate(("object unknown", "footer known")):
        p50 = [each[index]["p50_us"] / 1000 for each in rounds]
        p90 = [each[index]["p90_us"] / 1000 for each in rounds]
        print(f"| {name}, {what} | {statistics.median(p50):.2f} ({min(p50):.2f}–{max(p50):.2f}) | {statistics.median(p90):.2f} | "
              f"{sum(each[index]['requests'] for each in rounds):.0f} |", flush=True)


def fill(target, mib):
    topic = f"cold-{time.time_ns()}"
    clients.create_topic(target.broker.bootstrap, topic)
    bench.tailgen("fill", target.broker.port, topic, f"-n 1 -r {RECORD} -b 100000 -T {mib}")
    return topic, archive.wait_for_cold(target.broker, topic, seconds=240)


def settings():
    return dict(archive={"read_ahead": "0", "object_size": f"{OBJECT >> 20}MiB"}, topics={"segment.bytes": 60 << 20},
                durability="os")


def run_file(arguments, dice):
    with bench.Archive("cold", **settings()) as target:
        topic, local = fill(target, arguments.mib)
        limits = []
        largest = max(archive.objects(target.broker), key=lambda path: path.stat().st_size)
        for _ in range(arguments.rounds):
            limits.append(bench.tailgen("limit", 0, topic, f"-D 2 -F {largest}"))
        for key, what in (("read_p50_us", "open, pread, zstd"), ("with_loopback_p50_us", "the same and 1 MiB over loopback")):
            values = [each[key] / 1000 for each in limits]
            print(f"| limit: {what} | {statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f}) | | |")
        show("file, in the page cache", measure(target, topic, local, arguments.rounds, lambda: None, dice))
        show("file, from the disk", measure(target, topic, local, arguments.rounds, lambda: drop_pages(target.broker), dice))


class Signer:
    """Just enough of AWS's signature 4 to GET a range."""

    def __init__(self, port):
        self.connection, self.host = http.client.HTTPConnection("127.0.0.1", port), f"127.0.0.1:{port}"

    def get(self, path, headers=(), query=""):
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        empty = hashlib.sha256(b"").hexdigest()
        signed = f"host:{self.host}\nx-amz-content-sha256:{empty}\nx-amz-date:{now}\n"
        names = "host;x-amz-content-sha256;x-amz-date"
        request = f"GET\n{path}\n{query}\n{signed}\n{names}\n{empty}"
        key = b"AWS4" + s3.KEYS["secret_access_key"].encode()
        for part in (now[:8], "us-east-1", "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        self.connection.request("GET", path + (f"?{query}" if query else ""), headers={
            "x-amz-date": now, "x-amz-content-sha256": empty, **dict(headers),
            "Authorization": f"AWS4-HMAC-SHA256 Credential={s3.KEYS['access_key_id']}/{scope}, SignedHeaders={names}, "
                             f"Signature={signature}"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def raw_rounds(port, prefix, count, dice):
    """Milliseconds of 16 KB and then 300 KB, what 1 MiB of text packs to, of one object over one connection."""
    signer = Signer(port)
    status, listing = signer.get(f"/{s3.BUCKET}", query="list-type=2&prefix=" + prefix)
    assert status == 200, listing
    found = re.findall(rb"<Key>([^<]*\.kar)</Key>.*?<Size>(\d+)</Size>", listing, re.DOTALL)
    # The last object of a partition may be short.
    keys = [key.decode() for key, size in found if int(size) >= 350_000]
    out = []
    for _ in range(count):
        path = f"/{s3.BUCKET}/" + dice.choice(keys)
        begun = time.monotonic()
        for first, length in ((100, 16_384), (50_000, 300_000)):
            status, body = signer.get(path, {"Range": f"bytes={first}-{first + length - 1}"})
            assert status == 206 and len(body) == length, (status, len(body))
        out.append(1000 * (time.monotonic() - begun))
    return out


def run_s3(arguments, dice):
    with tempfile.TemporaryDirectory(dir=bench.WORK) as directory:
        server = s3.Server(pathlib.Path(directory) / "s3").start().make_bucket()
        proxy = s3.Proxy(server.port)
        try:
            with bench.Archive("cold", store=s3.store(proxy.port, "bench"), **settings()) as target:
                topic, local = fill(target, arguments.mib)
                proxy.tell(delay_ms=arguments.delay)
                limits = raw_rounds(proxy.port, "bench", 20, dice)
                print(f"| limit: two ranges, one after the other, {arguments.delay} ms each | {statistics.median(limits):.2f} "
                      f"({min(limits):.2f}–{max(limits):.2f}) | | |")
                show(f"s3, {arguments.delay} ms to the first byte", measure(
                    target, topic, local, arguments.rounds, lambda: proxy.tell(delay_ms=arguments.delay), dice))
                proxy.tell()
        finally:
            proxy.close()
            server.stop()


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--mib", type=int, default=140, help="MiB to archive")
    parse.add_argument("--stores", default="file,s3")
    parse.add_argument("--delay", type=int, default=20, help="ms before the first byte of the S3 server's answers")
    parse.add_argument("--seed", type=int, default=7)
    arguments = parse.parse_args()
    bench.compile_tailgen()
    print(f"{datetime.date.today()}, {os.cpu_count()} processors, Linux {platform.release()}, autogroup {bench.session()}, "
          f"1 MiB of records of {RECORD} bytes, objects of {OBJECT >> 20} MiB, seed {arguments.seed}, median of "
          f"{arguments.rounds} (least–most)\n\n| what | p50 ms | p90 ms | reads |\n|---|---|---|---|")
    dice = random.Random(arguments.seed)
    if "file" in arguments.stores:
        run_file(arguments, dice)
    if "s3" in arguments.stores:
        if s3.program() is None:
            print("| s3: no SeaweedFS here; `make venv` brings it | | | |")
        else:
            run_s3(arguments, dice)


if __name__ == "__main__":
    main()
