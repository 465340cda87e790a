"""The peer of bench-archive: indexes the same lines with tantivy (the wheel of PyPI), one thread, and asks the same.

    tantivy_peer.py LINES DIRECTORY
"""
import os
import shutil
import statistics
import sys
import time

import tantivy


def main():
    lines, directory = sys.argv[1], sys.argv[2]
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", stored=False)
    builder.add_integer_field("offset", stored=True, indexed=False)
    index = tantivy.Index(builder.build(), path=directory)
    writer = index.writer(heap_size=128 << 20, num_threads=1)
    size = count = 0
    start, cpu = time.perf_counter(), time.process_time()
    with open(lines, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file):
            writer.add_document(tantivy.Document(body=line, offset=number))
            size += len(line)
            count += 1
    writer.commit()
    writer.wait_merging_threads()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    stored = sum(os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory))
    print(f"{tantivy.__version__}: {count} records, {size / 1e6:.1f} MB")
    print(f"  index only: {size / 1e6 / wall:.1f} MB/s wall, {size / 1e6 / cpu:.1f} MB per CPU second "
          f"(Python's part of making documents included), index/raw {stored / size:.3f}")
    index.reload()
    searcher = index.searcher()
    for text in ["info", "python", "+python +library", "\"shared library\"", "zyxwvut"]:
        times = []
        for _ in range(60):
            start = time.perf_counter()
            query = index.parse_query(text, ["body"])
            result = searcher.search(query, 10)
            for _, address in result.hits:
                searcher.doc(address)
            times.append((time.perf_counter() - start) * 1e3)
        print(f"  {text:20} {statistics.median(times):.2f} ms, {result.count} hits, offsets only")


if __name__ == "__main__":
    main()
