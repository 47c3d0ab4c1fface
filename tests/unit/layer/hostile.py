#!/usr/bin/env python3
"""Layers that want out, by name, raw: no tar program would write most of them."""
import sys


def head(name, kind=b"0", size=0, link=b"", raw_size=None, mode=0o644):
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108] = b"%07o\0" % mode
    h[108:116] = h[116:124] = b"0000000\0"
    h[124:136] = raw_size if raw_size else b"%011o\0" % size
    h[136:148] = b"%011o\0" % 1
    h[156:157] = kind
    h[157:157 + len(link)] = link
    h[257:265] = b"ustar\x0000"
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


def data(b):
    return b + bytes(-len(b) % 512)


def pax(*records):
    body = b""
    for r in records:
        n = len(r) + 2
        while len(b"%d %s\n" % (n, r)) != n:
            n += 1
        body += b"%d %s\n" % (n, r)
    return head(b"pax", b"x", len(body)) + data(body)


evil = head(b"evil", size=4) + data(b"evil")
cases = {
    "negative-size": head(b"evil", raw_size=b"\xff" * 12) + data(b"evil"),
    "huge-size": head(b"evil", raw_size=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7) + data(b"evil"),
    "octal-rubbish": head(b"evil", raw_size=b"9z-!........") + data(b"evil"),
    "pax-negative": pax(b"size=-1") + evil,
    "pax-path": pax(b"path=../../evil") + evil,
    "pax-path-absolute": pax(b"path=/tmp/imgrel-evil") + evil,
    "pax-path-empty": pax(b"path=") + evil,
    "pax-link": pax(b"linkpath=../../victim") + head(b"link", b"1", link=b"x"),
    "pax-length": head(b"pax", b"x", 16) + data(b"999999999 path=x") + evil,
    "pax-no-length": head(b"pax", b"x", 8) + data(b"path=x\n\n") + evil,
    "pax-large": head(b"pax", b"x", 9 << 20) + data(b"9437184 comment=" + b"x" * ((9 << 20) - 17) + b"\n") + evil,
    "pax-time": pax(b"mtime=99999999999.5") + evil,
    "pax-owner": pax(b"uid=-5", b"gid=99999999999999999999") + evil,
    "pax-owner-large": pax(b"uid=4294967295", b"gid=7") + evil,
    "long-name": head(b"././@LongLink", b"L", 70001) + data(b"a" * 70000 + b"\0") + evil,
    "deep-name": head(b"././@LongLink", b"L", 201) + data(b"a/" * 100 + b"\0") + evil,
    "many-slashes": head(b"a////b//../../../evil", size=4) + data(b"evil"),
    "dots": head(b"./.././evil", size=4) + data(b"evil"),
    "link-out": head(b"d", b"2", link=b"..") + head(b"d/evil", size=4) + data(b"evil"),
    "link-root": head(b"d", b"2", link=b"/") + head(b"d/evil", size=4) + data(b"evil"),
    "link-chain": head(b"a", b"2", link=b"b/..") + head(b"b", b"2", link=b"../..") + head(b"a/evil", size=4) + data(b"evil"),
    "hard-through-link": head(b"d", b"2", link=b"..") + head(b"h", b"1", link=b"d/victim"),
    "hard-then-write": head(b"d", b"2", link=b"../victim") + head(b"h", b"1", link=b"d") + head(b"h", size=4) + data(b"evil"),
    "whiteout-out": head(b"d", b"2", link=b"..") + head(b"d/.wh.victim"),
    "opaque-out": head(b"d", b"2", link=b"..") + head(b"d/.wh..wh..opq"),
    "whiteout-dots": head(b".wh..."),
    "device": head(b"null", b"3", mode=0o666) + head(b"pipe", b"6") + evil,
    "folder-over": head(b"evil", size=4) + data(b"evil") + head(b"evil/", b"5", mode=0o755) + head(b"evil/x"),
    "nul-name": head(b"\0evil", size=4) + data(b"evil"),
    "cut": head(b"evil", size=5000) + data(b"evil"),
}
if len(sys.argv) == 1:
    print("\n".join(cases))
else:
    sys.stdout.buffer.write(cases[sys.argv[1]] + bytes(1024))
