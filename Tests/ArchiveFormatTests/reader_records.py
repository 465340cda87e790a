"""Kafka's record batches, checksums and codecs, for the independent reader of archive objects (reader.py)."""
import ctypes
import ctypes.util
import gzip
import struct

MASK64 = (1 << 64) - 1


class Corrupt(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Corrupt(what)


# ---------------------------------------------------------------------------------------------------- checksums, hashes
def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ 0x82F63B78 if n & 1 else n >> 1
        table.append(n)
    return table


CRC_TABLE = _crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    table = CRC_TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def h64(data):
    def mix(a, b):
        product = a * b
        return (product & MASK64) ^ (product >> 64)

    h = 0x9E3779B97F4A7C15 ^ len(data)
    whole = len(data) // 8 * 8
    for i in range(0, whole, 8):
        h = mix(h ^ int.from_bytes(data[i:i + 8], "little"), 0xA0761D6478BD642F)
    return mix(h ^ int.from_bytes(data[whole:], "little"), 0xE7037ED1A0B428DB)


# --------------------------------------------------------------------------------------------------------- codecs
def _library(*names):
    for name in names:
        path = ctypes.util.find_library(name) or name
        try:
            return ctypes.CDLL(path)
        except OSError:
            continue
    return None


ZSTD = _library("zstd", "libzstd.so.1")
ZSTD.ZSTD_getFrameContentSize.restype = ctypes.c_uint64
ZSTD.ZSTD_getFrameContentSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
ZSTD.ZSTD_isError.argtypes = [ctypes.c_size_t]


def zstd_frame(data, limit=1 << 31):
    size = ZSTD.ZSTD_getFrameContentSize(data, len(data))
    check(size <= limit, "zstd frame without a content size")
    out = ctypes.create_string_buffer(max(1, size))
    got = ZSTD.ZSTD_decompress(out, size, data, len(data))
    check(not ZSTD.ZSTD_isError(got) and got == size, "zstd frame")
    return out.raw[:size]


def zstd_any(data, limit=1 << 28):
    """Frames without a content size, as producers send them."""
    for capacity in (len(data) * 20 + 4096, limit):
        out = ctypes.create_string_buffer(capacity)
        got = ZSTD.ZSTD_decompress(out, capacity, data, len(data))
        if not ZSTD.ZSTD_isError(got):
            return out.raw[:got]
    raise Corrupt("zstd batch")


def lz4_any(data, limit=1 << 28):
    lib = _library("lz4", "liblz4.so.1")
    context = ctypes.c_void_p()
    lib.LZ4F_decompress.restype = ctypes.c_size_t
    lib.LZ4F_createDecompressionContext(ctypes.byref(context), 100)
    out = bytearray()
    position = 0
    buffer = ctypes.create_string_buffer(1 << 16)
    while True:
        size = ctypes.c_size_t(len(buffer))
        used = ctypes.c_size_t(len(data) - position)
        status = lib.LZ4F_decompress(context, buffer, ctypes.byref(size), data[position:], ctypes.byref(used), None)
        check(not lib.LZ4F_isError(ctypes.c_size_t(status)), "lz4 batch")
        out += buffer.raw[:size.value]
        position += used.value
        check(len(out) <= limit, "lz4 batch too large")
        if status == 0:
            break
        check(used.value or size.value, "lz4 batch ends early")
    lib.LZ4F_freeDecompressionContext(context)
    return bytes(out)


def snappy_any(data):
    lib = _library("snappy", "libsnappy.so.1")

    def raw(block):
        size = ctypes.c_size_t()
        check(lib.snappy_uncompressed_length(block, ctypes.c_size_t(len(block)), ctypes.byref(size)) == 0, "snappy")
        check(size.value < 1 << 28, "snappy batch too large")
        out = ctypes.create_string_buffer(max(1, size.value))
        check(lib.snappy_uncompress(block, ctypes.c_size_t(len(block)), out, ctypes.byref(size)) == 0, "snappy")
        return out.raw[:size.value]

    if not data.startswith(b"\x82SNAPPY\0"):
        return raw(data)
    out, position = b"", 16
    while position < len(data):
        (length,) = struct.unpack_from(">i", data, position)
        out += raw(data[position + 4:position + 4 + length])
        position += 4 + length
    return out


def inflate(codec, data):
    try:
        if codec == 0:
            return data
        if codec == 1:
            return gzip.decompress(data)
        if codec == 2:
            return snappy_any(data)
        if codec == 3:
            return lz4_any(data)
        if codec == 4:
            return zstd_any(data)
    except (OSError, EOFError, struct.error) as error:
        raise Corrupt(str(error))
    raise Corrupt("unknown codec")


# --------------------------------------------------------------------------------------------------------- numbers
class Input:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        check(0 <= n <= self.left(), "ends early")
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self, size):
        return int.from_bytes(self.take(size), "little")

    def i64(self):
        return int.from_bytes(self.take(8), "little", signed=True)

    def vi(self):
        value = shift = 0
        while True:
            byte = self.u(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & MASK64
            shift += 7

    def zz(self):
        raw = self.vi()
        return (raw >> 1) ^ -(raw & 1)


def wrap(value):
    value &= MASK64
    return value - (1 << 64) if value >> 63 else value


def unpack_bits(data, bits, count):
    whole = int.from_bytes(data, "little")
    mask = (1 << bits) - 1
    return [(whole >> (bits * i)) & mask for i in range(count)]


# --------------------------------------------------------------------------------------------------------- batches
class Batch:
    """A record batch; Kafka's numbers are big-endian."""

    def __init__(self, data, at):
        self.base, length, _, magic, self.crc = struct.unpack_from(">qiibI", data, at)
        check(magic == 2 and length >= 49 and at + 12 + length <= len(data), "batch header")
        self.end = at + 12 + length
        self.raw = data[at:self.end]
        (self.attributes, last_delta, self.base_time, self.max_time, self.producer, _, _, self.count) = \
            struct.unpack_from(">hiqqqhii", self.raw, 21)
        self.last = self.base + last_delta
        check(crc32c(self.raw[21:]) == self.crc, "batch CRC")

    @property
    def is_control(self):
        return bool(self.attributes & 0x20)

    def records(self):
        """(offset, timestamp, key, value, headers)"""
        data = Input(inflate(self.attributes & 7, self.raw[61:]))
        result = []
        for _ in range(self.count):
            body = Input(data.take(data.zz()))
            body.u(1)
            time = self.base_time + body.zz()
            if self.attributes & 8:
                time = self.max_time
            offset = self.base + body.zz()

            def nullable():
                length = body.zz()
                return None if length < 0 else body.take(length)

            key, value = nullable(), nullable()
            headers = []
            for _ in range(body.zz()):
                name = nullable()
                headers.append((name, nullable()))
            check(body.left() == 0, "record")
            result.append((offset, time, key, value, headers))
        check(data.left() == 0, "bytes behind the last record")
        return result


def batches(content):
    at = 0
    while at < len(content):
        batch = Batch(content, at)
        yield batch
        at = batch.end
