"""``hashlib.pbkdf2_hmac``: CPython takes it from OpenSSL, which is not in the VM."""

from __future__ import annotations

import hashlib
from typing import Any

_new = hashlib.new
_INNER, _OUTER = (bytes(x ^ pad for x in range(256)) for pad in (0x36, 0x5C))


def pbkdf2_hmac(
    hash_name: str, password: Any, salt: Any, iterations: int, dklen: int | None = None
) -> bytes:
    """A key from a password (PKCS #5 v2.0), with HMAC as pseudorandom function."""
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    inner, outer = _new(hash_name), _new(hash_name)
    length = inner.digest_size if dklen is None else dklen
    if length < 1:
        raise ValueError("key length must be greater than 0.")
    key = bytes(password)
    if len(key) > inner.block_size:
        key = _new(hash_name, key).digest()
    key = key.ljust(inner.block_size, b"\0")
    inner.update(key.translate(_INNER))
    outer.update(key.translate(_OUTER))

    def hmac(text: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(text)
        second.update(first.digest())
        return second.digest()

    derived = b""
    while len(derived) < length:
        block = len(derived) // inner.digest_size + 1
        last = hmac(bytes(salt) + block.to_bytes(4))
        found = int.from_bytes(last)
        for _ in range(iterations - 1):
            last = hmac(last)
            found ^= int.from_bytes(last)
        derived += found.to_bytes(inner.digest_size)
    return derived[:length]


def install() -> None:
    """Put it where it belongs."""
    pbkdf2_hmac.__module__ = "hashlib"
    hashlib.__dict__["pbkdf2_hmac"] = pbkdf2_hmac
