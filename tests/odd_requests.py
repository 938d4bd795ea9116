# SPDX-License-Identifier: Apache-2.0
"""Requests whose head says something odd about the body, for every route of both servers."""

from __future__ import annotations

import asyncio
from typing import Final

ODD_HEADS: Final = {
    "gzip": b"Content-Encoding: gzip",
    "brotli": b"Content-Encoding: br",
    "zstd": b"Content-Encoding: zstd",
    "two packings": b"Content-Encoding: gzip, deflate",
    "an unknown packing": b"Content-Encoding: rot13",
    "a packing in other bytes": b"Content-Encoding: \xff\xfe",
    "packed twice in two lines": b"Content-Encoding: gzip\r\nContent-Encoding: br",
    "identity": b"Content-Encoding: identity",
    "an empty packing": b"Content-Encoding:",
    "packed on its way": b"Transfer-Encoding: gzip, chunked",
    "an unknown way": b"Transfer-Encoding: rot13",
    "no type": b"X-Nothing: 1",
    "an empty type": b"Content-Type:",
    "a type without its half": b"Content-Type: audio",
    "a type of separators": b"Content-Type: ;;;=/;,,\"",
    "a type in other bytes": b"Content-Type: \xff/\xfe",
    "two types": b"Content-Type: audio/wav\r\nContent-Type: application/json",
    "a form": b"Content-Type: multipart/form-data; boundary=x",
    "a form without boundary": b"Content-Type: multipart/form-data",
    "an unknown character set": b"Content-Type: application/json; charset=nonsense",
    "a character set that is not text": b"Content-Type: application/json; charset=hex",
    "a set in other bytes": b"Content-Type: application/json; charset=\xff",
    "a set with a NUL": b"Content-Type: application/json; charset=\"utf-8 x\"",
    "Latin-1": b"Content-Type: application/json; charset=iso-8859-1",
}  # fmt: skip
BODIES: Final = (b"", b'{"text": "Gr\xfc\xdfe"}', b"\xff\xfe\xfd", b'\xef\xbb\xbf{"nobody": 1}')


async def ask(port: int, method: str, path: str, head: bytes, body: bytes) -> tuple[int, bytes]:
    """Status and all of the answer, once the server has closed the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        start = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()
        chunked = b"Transfer-Encoding" in head
        length = b"" if chunked else b"Content-Length: %d\r\n" % len(body)
        sent = body
        if chunked:
            sent = (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        writer.write(start + head + b"\r\n" + length + b"\r\n" + sent)
        async with asyncio.timeout(60):
            answer = await reader.read(1 << 20)
            while more := await reader.read(1 << 20):
                answer += more
        return int(answer.split()[1]), answer
    finally:
        writer.close()
