"""An independent reader of archive objects, written from the text of the format alone.

Used by the tests: `reader.py OBJECT` reads one JSON query a line from standard input and writes one JSON answer a line.
Needs Python 3.9 and the shared library of zstd; lz4 and snappy only for batches that use them.
"""
import hashlib
import json
import math
import struct
import sys

from reader_records import Corrupt, Input, MASK64, batches, check, crc32c, h64, unpack_bits, wrap, zstd_frame

SKIPPABLE = 0x184D2A5A


# --------------------------------------------------------------------------------------------------------- the lexer
SEPARATORS = [(0x80, 0xA9), (0xAB, 0xB4), (0xB6, 0xB9), (0xBB, 0xBF), (0xD7, 0xD7), (0xF7, 0xF7), (0x2000, 0x206F),
              (0x2190, 0x2BFF), (0x3000, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030), (0x30FB, 0x30FB),
              (0xFE10, 0xFE1F), (0xFE30, 0xFE6F), (0xFEFF, 0xFEFF), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20),
              (0xFF3B, 0xFF40), (0xFF5B, 0xFF65), (0xFFF0, 0xFFFF)]
BIGRAMS = [(0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF),
           (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x3FFFF)]


def inside(ranges, scalar):
    return any(low <= scalar <= high for low, high in ranges)


def fold(character):
    """Simple case folding: statuses C and S of CaseFolding.txt."""
    folded = character.casefold()
    if len(folded) != 1:
        folded = character.lower()
    return folded if len(folded) == 1 else character


def tokens(data):
    """The tokens of a text, as folded bytes, in order."""
    result = []
    at = 0

    def is_token(byte):
        return byte >= 0x80 or bytes([byte]).isalnum()

    while at < len(data):
        if not is_token(data[at]):
            at += 1
            continue
        end = at
        while end < len(data) and is_token(data[end]):
            end += 1
        result += run_tokens(data[at:end])
        at = end
    return result


def run_tokens(run):
    if max(run) < 0x80:
        return [run.lower()]
    result, letters, pair = [], "", None  # pair: (last bigram character, whether it is in a pair already)
    for character in run.decode("utf-8", "surrogateescape"):
        scalar = ord(character)
        separates = 0xDC80 <= scalar <= 0xDCFF or scalar >= 0x80 and inside(SEPARATORS, scalar)
        bigram = not separates and inside(BIGRAMS, scalar)
        if letters and (separates or bigram):
            result.append(letters.encode())
            letters = ""
        if pair and not bigram:
            if not pair[1]:
                result.append(pair[0].encode())
            pair = None
        if bigram:
            if pair:
                result.append((pair[0] + character).encode())
            pair = (character, pair is not None)
        elif not separates:
            letters += fold(character)
    if letters:
        result.append(letters.encode())
    if pair and not pair[1]:
        result.append(pair[0].encode())
    return result


def term_of_token(token):
    if len(token) <= 16:
        return token.ljust(16, b"\0")
    low = h64(token) & 0xFFFFFFFF
    if low >> 24 == 0:
        low |= 0x80000000
    return (token[:8] + low.to_bytes(4, "little")).ljust(16, b"\0")


def term_of_key(key):
    return (b"\x01" + (h64(key) & 0xFFFFFFFFFF).to_bytes(5, "little")).ljust(16, b"\0")


def norm_of(count):
    return count if count < 64 else min(255, 64 + math.floor(16 * math.log2(count / 64)))


# --------------------------------------------------------------------------------------------------------- the object
class Object:
    def __init__(self, data):
        self.data = data
        size = len(data)
        check(size >= 48, "too small")
        foot, length, crc, recorded, version, magic = struct.unpack("<QIIQI4s", data[-32:])
        check(magic == b"KAR1" and version == 1 and recorded == size, "trail")
        check(foot + length + 32 == size, "trail: footer")
        check(crc32c(data[foot:foot + length]) == crc, "footer CRC")
        check(data[:16] == struct.pack("<II4sI", SKIPPABLE, 8, b"KAR1", 1), "head")
        parts = {}
        source = Input(data[foot:foot + length])
        while source.left():
            tag = source.vi()
            parts[tag] = source.take(source.vi())
        self.read_range(Input(parts[1]), Input(parts[2]))
        self.sections = {}
        source = Input(parts.get(3, b""))
        while source.left():
            kind, start, count = source.u(1), source.u(8), source.u(8)
            check(start + count <= foot, "section outside the object")
            self.sections[kind] = (start, start + count)
        self.read_frames(Input(parts[4]))
        self.read_terms(Input(parts.get(5, b"\0\0")))
        source = Input(parts.get(6, b"\0"))
        self.epochs = [[source.vi(), source.vi()] for _ in range(source.vi())]
        source = Input(parts.get(7, b"\0"))
        self.aborted = [[source.zz(), source.vi(), source.vi()] for _ in range(source.vi())]
        self.analyzer = list(parts.get(8, b"\x01\x07"))
        data_end = self.frames[-1]["at"] + self.frames[-1]["clen"]
        magic, rest = struct.unpack_from("<II", data, data_end)
        check(magic == SKIPPABLE and data_end + 8 + rest == size, "index header")

    def read_range(self, ident, source):
        self.topic_id = ident.take(16)
        self.topic = ident.take(ident.vi()).decode()
        self.partition = ident.vi()
        self.base, self.next = source.i64(), source.i64()
        self.raw_bytes = source.u(8)
        self.min_ts, self.max_ts = source.i64(), source.i64()
        self.docs, self.tokens = source.u(4), source.u(8)

    def read_frames(self, source):
        self.frames = []
        at, offset, doc, low = 16, 0, 0, 0
        for _ in range(source.vi()):
            clen, rlen = source.vi(), source.vi()
            offset += source.vi()
            doc += source.vi()
            low = wrap(low + source.zz())
            high = wrap(low + source.vi())
            self.frames.append(dict(at=at, clen=clen, rlen=rlen, offset=offset, doc=doc, min=low, max=high))
            at += clen
        check(sum(f["rlen"] for f in self.frames) == self.raw_bytes, "frame sizes")

    def read_terms(self, source):
        self.term_count = source.vi()
        at = self.sections.get(2, (0, 0))[0]
        self.blocks = []
        for _ in range(source.vi()):
            separator = source.take(source.u(1))
            size = source.vi()
            self.blocks.append((separator.ljust(16, b"\0"), at, at + size))
            at += size
        check(at == self.sections.get(2, (0, 0))[1], "dictionary size")

    def content(self, index):
        frame = self.frames[index]
        content = zstd_frame(self.data[frame["at"]:frame["at"] + frame["clen"]])
        check(len(content) == frame["rlen"], "frame size")
        return content

    # fetch, time ------------------------------------------------------------------------------------------------
    def fetch(self, offset, max_bytes):
        out, following = b"", self.next
        for index in range(len(self.frames)):
            if index + 1 < len(self.frames) and self.frames[index + 1]["offset"] <= offset:
                continue
            for batch in batches(self.content(index)):
                if batch.last < offset:
                    continue
                if out and len(out) + len(batch.raw) > max_bytes:
                    return out, following
                out += batch.raw
                following = batch.last + 1
            if len(out) >= max_bytes:
                break
        else:
            following = self.next
        return out, following

    def first_at(self, time):
        for index, frame in enumerate(self.frames):
            if frame["max"] < time:
                continue
            for batch in batches(self.content(index)):
                try:
                    for record in batch.records():
                        if record[1] >= time:
                            return record[0], record[1]
                except Corrupt:
                    if batch.max_time >= time:
                        return batch.base, batch.max_time
        return None

    # index ------------------------------------------------------------------------------------------------------
    def block_terms(self, number):
        """term -> (documents, frequencies) of a dictionary block."""
        _, start, end = self.blocks[number]
        source = Input(zstd_frame(self.data[start:end]))
        n, post, suffix_bytes, meta_bytes, single_bytes = (source.vi() for _ in range(5))
        heads = source.take(n)
        suffixes, meta = Input(source.take(suffix_bytes)), Input(source.take(meta_bytes))
        width = (self.docs - 1).bit_length()
        single_data = source.take(single_bytes)
        singles = iter(unpack_bits(single_data, width, single_bytes * 8 // width) if width else [0] * n)
        term, result = b"", {}
        for head in heads:
            term = term[:head >> 4] + suffixes.take((head & 15) + 1)
            df = meta.vi()
            if df >= 128:
                size = meta.vi()
                result[term.ljust(16, b"\0")] = self.long_list(post, size, df)
                post += size
            elif df == 1:
                result[term.ljust(16, b"\0")] = ([next(singles)], [1])
            else:
                docs, tfs, doc = [], [], 0
                for _ in range(df):
                    raw = source.vi()
                    doc += raw >> 1
                    docs.append(doc)
                    tfs.append(source.vi() if raw & 1 else 1)
                result[term.ljust(16, b"\0")] = (docs, tfs)
        check(suffixes.left() == meta.left() == source.left() == 0, "dictionary block")
        return result

    def long_list(self, start, size, df):
        at = self.sections[1][0] + start
        data = self.data[at:at + size]
        check(crc32c(data[:-4]) == int.from_bytes(data[-4:], "little"), "posting list CRC")
        source = Input(data[:-4])
        skip = Input(source.take(source.vi()))
        docs, tfs, last, previous = [], [], 0, -1
        for _ in range(df // 128):
            last += skip.vi()
            doc_bits, tf_bits = skip.u(1), skip.u(1)
            gaps = unpack_bits(source.take(16 * doc_bits), doc_bits, 128)
            extra = unpack_bits(source.take(16 * tf_bits), tf_bits, 128)
            for gap, tf in zip(gaps, extra):
                previous += gap + 1
                docs.append(previous)
                tfs.append(tf + 1)
            check(previous == last, "skip entry")
        for _ in range(df % 128):
            raw = source.vi()
            previous += (raw >> 1) + 1
            docs.append(previous)
            tfs.append(source.vi() if raw & 1 else 1)
        check(source.left() == skip.left() == 0, "posting list")
        return docs, tfs

    def postings(self, term):
        candidates = [i for i, block in enumerate(self.blocks) if block[0] <= term]
        if not candidates:
            return [], []
        return self.block_terms(candidates[-1]).get(term, ([], []))

    def norms(self):
        start, end = self.sections[3]
        return list(zstd_frame(self.data[start:end]))

    def may_have_key(self, key):
        if 4 not in self.sections:
            return False
        start, end = self.sections[4]
        data = self.data[start:end]
        check(crc32c(data[:-4]) == int.from_bytes(data[-4:], "little"), "key filter CRC")
        salts = [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31]
        h, count = h64(key), (len(data) - 4) // 32
        block = ((h >> 32) * count) >> 32
        for j, salt in enumerate(salts):
            (word,) = struct.unpack_from("<I", data, 32 * block + 4 * j)
            if not word >> ((((h & 0xFFFFFFFF) * salt) & 0xFFFFFFFF) >> 27) & 1:
                return False
        return True

    def document(self, doc):
        frame = max(i for i, f in enumerate(self.frames) if f["doc"] <= doc)
        first = self.frames[frame]["doc"]
        for batch in batches(self.content(frame)):
            if batch.is_control:
                continue
            if doc < first + batch.count:
                return batch.records()[doc - first]
            first += batch.count
        raise Corrupt("document not in its frame")

    def last_of_key(self, key):
        if not self.may_have_key(key):
            return None
        for doc in reversed(self.postings(term_of_key(key))[0]):
            record = self.document(doc)
            if record[2] == key:
                return record
        return None

    # search: all clauses must hold; the index proposes, the record decides ---------------------------------------
    def search(self, query):
        candidates = None
        for clause in query["must"]:
            for term in clause_terms(clause):
                docs = set(self.postings(term)[0])
                candidates = docs if candidates is None else candidates & docs
        found = []
        for doc in candidates or []:
            record = self.document(doc)
            if not query["since"] <= record[1] < query["until"]:
                continue
            if all(holds(c, record) for c in query["must"]) and not any(holds(c, record) for c in query["not"]):
                found.append((record[1], record[0]))
        # The latest timestamp first, of equal ones the highest offset.
        return [offset for _, offset in sorted(found, reverse=True)[:query["limit"]]]

    def verify(self):
        """Reads everything there is; returns the SHA-256 of the segment."""
        digest, docs, count, token_count = hashlib.sha256(), 0, 0, 0
        norms = self.norms() if 3 in self.sections else None
        for index, frame in enumerate(self.frames):
            content = self.content(index)
            digest.update(content)
            check(frame["doc"] == docs or not self.blocks, "first document of a frame")
            for batch in batches(content):
                docs += 0 if batch.is_control else batch.count
        if self.blocks:
            check(docs == self.docs, "number of documents")
            previous = b""
            for number in range(len(self.blocks)):
                for term in self.block_terms(number):
                    check(previous < term, "order of terms")
                    check(self.blocks[number][0] <= term, "separator")
                    if number + 1 < len(self.blocks):
                        check(term < self.blocks[number + 1][0], "separator of the next block")
                    previous = term
                    count += 1
            check(count == self.term_count, "number of terms")
        if norms is not None:
            check(len(norms) == self.docs, "norms")
        return digest.hexdigest()


def clause_terms(clause):
    if "key" in clause:
        return [term_of_key(bytes.fromhex(clause["key"]))]
    return [term_of_token(token) for token in tokens(bytes.fromhex(clause["text"]))]


def has_phrase(text, phrase):
    if text is None:
        return False
    found = tokens(text)
    return any(found[i:i + len(phrase)] == phrase for i in range(len(found) - len(phrase) + 1))


def holds(clause, record):
    _, _, key, value, headers = record
    if "key" in clause:
        return key == bytes.fromhex(clause["key"])
    phrase = tokens(bytes.fromhex(clause["text"]))
    if "header" in clause:
        name = bytes.fromhex(clause["header"])
        return any(has_phrase(v, phrase) for n, v in headers if n == name)
    return any(has_phrase(text, phrase) for text in [key, value] + [v for _, v in headers])


# --------------------------------------------------------------------------------------------------------- the tests' side
def answer(obj, query):
    op = query["op"]
    if op == "footer":
        return dict(topic=obj.topic, partition=obj.partition, base=obj.base, next=obj.next, raw=obj.raw_bytes,
                    min=obj.min_ts, max=obj.max_ts, docs=obj.docs, tokens=obj.tokens, terms=obj.term_count,
                    frames=len(obj.frames), epochs=obj.epochs, aborted=obj.aborted, analyzer=obj.analyzer)
    if op == "fetch":
        data, following = obj.fetch(query["offset"], query["max"])
        return dict(sha=hashlib.sha256(data).hexdigest(), next=following)
    if op == "time":
        found = obj.first_at(query["time"])
        return dict(found=list(found) if found else None)
    if op == "key":
        record = obj.last_of_key(bytes.fromhex(query["key"]))
        return dict(offset=record[0] if record else None)
    if op == "token":
        docs, tfs = obj.postings(term_of_token(bytes.fromhex(query["token"])))
        return dict(docs=docs, tfs=tfs)
    if op == "tokens":
        return dict(tokens=[token.hex() for token in tokens(bytes.fromhex(query["text"]))])
    if op == "norms":
        return dict(norms=obj.norms())
    if op == "search":
        return dict(offsets=obj.search(query))
    if op == "verify":
        return dict(sha=obj.verify())
    raise ValueError(op)


def main():
    with open(sys.argv[1], "rb") as file:
        obj = Object(file.read())
    for line in sys.stdin:
        print(json.dumps(answer(obj, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
