"""Bech32 (BIP 173): bytes as text with a readable prefix and a checksum, as age writes its keys."""

from __future__ import annotations

from collections.abc import Iterable

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def encode(prefix: str, data: bytes) -> str:
    """`prefix`, the separator 1, the bytes in groups of five bits, and six characters of checksum; in lower case."""
    values = _regroup(data, 8, 5, pad=True)
    check = _polymod([*_expand(prefix), *values, *([0] * _CHECKSUM)]) ^ 1
    values += [check >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1" + "".join(ALPHABET[value] for value in values)


def decode(text: str) -> tuple[str, bytes]:
    """Prefix in lower case, and bytes. Raises ValueError for mixed case, a wrong character or a wrong checksum."""
    if text.lower() != text and text.upper() != text:
        raise ValueError("upper and lower case are mixed")
    prefix, separator, rest = text.lower().rpartition("1")
    if not separator or not prefix or len(rest) < _CHECKSUM or set(rest) - set(ALPHABET):
        raise ValueError("it is no Bech32 text")
    values = [ALPHABET.index(character) for character in rest]
    if _polymod([*_expand(prefix), *values]) != 1:
        raise ValueError("its checksum is wrong")
    return prefix, bytes(_regroup(values[:-_CHECKSUM], 5, 8, pad=False))


def _expand(prefix: str) -> list[int]:
    codes = [ord(character) for character in prefix]
    return [*(code >> 5 for code in codes), 0, *(code & 31 for code in codes)]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_GENERATOR):
            check ^= term if top >> bit & 1 else 0
    return check


def _regroup(values: Iterable[int], width: int, wanted: int, *, pad: bool) -> list[int]:
    """Groups of `width` bits as groups of `wanted` bits; without `pad` the rest must be fewer bits, all zero."""
    rest, bits, groups = 0, 0, list[int]()
    for value in values:
        rest, bits = rest << width | value, bits + width
        while bits >= wanted:
            bits -= wanted
            groups.append(rest >> bits & (1 << wanted) - 1)
        rest &= (1 << bits) - 1
    if pad and bits:
        groups.append(rest << wanted - bits)
    elif not pad and (bits >= width or rest):
        raise ValueError("its last bits are not zero")
    return groups
