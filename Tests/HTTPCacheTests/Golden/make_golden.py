#!/usr/bin/env python3
"""Writes the golden files of the wire format, from its documentation and independently of the library.

    python3 make_golden.py [DIRECTORY]

The committed files are never changed: a file that differs from what this writes means that the format has changed, and
then it needs a new version number and new files beside the old ones. With a DIRECTORY the files are written there, for
comparison.
"""
import pathlib
import struct
import sys

NEVER = 2**63 - 1


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def key(scheme, authority, target, variant=b""):
    prefix = struct.pack("<IIH", len(authority), len(target), len(scheme))
    return prefix + scheme + authority + target + variant


def tags(*names):
    return b"".join(struct.pack("<I", len(name)) + name for name in names)


def fields(*pairs):
    if not pairs:
        return b""
    index = b"".join(struct.pack("<HI", len(name), len(value)) for name, value in pairs)
    return struct.pack("<I", len(pairs)) + index + b"".join(n + b": " + v + b"\r\n" for n, v in pairs)


def variant_index(nonce, *selections):
    return struct.pack("<H", len(nonce)) + nonce + b"".join(struct.pack("<I", len(s)) + s for s in selections)


def entry(key, times, tags=b"", fields=b"", trailers=None, index=b"", body=b"", status=0, traits=0, stamp=0, cost=0):
    rest = struct.pack("<BBHHH", 1, trailers is not None, status, traits, 0)
    rest += struct.pack("<6qQI", *times, stamp, cost)
    rest += struct.pack("<5IQ", len(key), len(tags), len(fields), len(trailers or b""), len(index), len(body))
    rest += key + tags + fields + (trailers or b"") + index + body
    magic = b"\x89HCE"
    return magic + struct.pack("<I", crc32c(magic + rest)) + rest


T = 1_800_000_000_000
HOUR = 3_600_000
FILES = {
    # 200, five fields of which one is unknown to the library and one holds a tab and Latin-1, two tags.
    "v1-response.bin": entry(
        key(b"https", b"example.com", b"/catalog/items/42?locale=en"),
        (T - 5_000, T - 2_000, T + HOUR, T + HOUR + 60_000, T + HOUR + 86_400_000, T + 2 * 86_400_000),
        tags(b"product:42", b"https://example.com caf\xc3\xa9"),
        fields(
            (b"Content-Type", b"text/plain; charset=utf-8"), (b"ETag", b'"33a64df5"'),
            (b"Date", b"Fri, 15 Jan 2027 08:00:00 GMT"), (b"cache-control", b"public, max-age=3600"),
            (b"X-Note", b"a\tb \xe9"), (b"X-Empty", b"")),
        body=b"hello, world\n", status=200, traits=1 << 3, stamp=7, cost=12_345),
    # Nothing that can be left out: no fields, no body, a key of a user's own making, times without end.
    "v1-least.bin": entry(key(b"", b"", b"home"), (-NEVER - 1, 0, NEVER, NEVER, NEVER, NEVER), status=404),
    # A variant with trailers, octets of all values in its body, all numbers large.
    "v1-variant.bin": entry(
        key(b"http", b"[::1]:8080", b"/", b"abc123\x00accept-encoding\x00accept-encoding=4~gzip;"),
        (T - 1, T, T + 1, T + 2, T + 3, T + 4),
        fields=fields((b"Content-Encoding", b"gzip"), (b"Vary", b"Accept-Encoding")),
        trailers=fields((b"Server-Timing", b"db;dur=53")), body=bytes(range(256)) * 4, status=999, traits=0x17F,
        stamp=2**64 - 1, cost=2**32 - 1),
    # A trailer section without fields is not the same as none.
    "v1-empty-trailers.bin": entry(
        key(b"ftp", b"example.com", b"/x"), (T, T, T, T, T, T), trailers=b"", body=b"x", status=100),
    # What selects among the variants of a URL.
    "v1-variant-index.bin": entry(
        key(b"http", b"example.com", b"/"), (T - 1, T, T + HOUR, T + HOUR, T + HOUR, T + HOUR),
        index=variant_index(b"1y2p0ij32e8e7", b"accept-encoding,accept-language", b"", b"cookie"), traits=1 << 7,
        stamp=3),
}

if __name__ == "__main__":
    directory = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    for name, data in FILES.items():
        path = directory / name
        if path.exists():
            assert path.read_bytes() == data, f"{path} differs"
        else:
            path.write_bytes(data)
    print(f"{len(FILES)} files in {directory}")
