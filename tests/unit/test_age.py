"""Encryption in the format of age: what another program of that format wrote is read, and no change goes unnoticed."""

from __future__ import annotations

import base64
import io

import pytest

from sentiment_lib.encryption import age, bech32
from sentiment_lib.errors import BadInput, UnsafeArtefact

#: A key, and a file that rage (pyrage 1.4.0) encrypted to it, with a stanza of an unknown kind in its header.
IDENTITY = "AGE-SECRET-KEY-1EP9RKHD4YG358JFMUA9H2A0JUN2J4LPMSGNPDWPLUZK6J5R4R32QWNE8JZ"
RECIPIENT = "age149n076k4kh49r66qnmzvnaj6sqcglg59klsnu0zes0wfe7zh0eeq39hcep"
OF_RAGE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBKd3R6cWFGK1h2T1VmQUFUOSt5TGJtZTROMk1JQnBNR21IK0dNQjJDTTBRCnN5L2MrTW5K"
    "WHM5akgrZjJaMjU3TjVWMWtiTFdxNkRYZldLa3pMTCtyMTAKLT4gMEhrbTQtZ3JlYXNlIFo2aQp3U05xRGZ1RWsxVkw4enJ6RlR0QUlVZjF5YXZN"
    "NUE4Ci0tLSBMWjV3MGpmKzY3ck52VENRZkRHQ0FiOWZFajFML1RZTWxxMndFdytYR0IwCmwSa/xrWftau6uk0nYdUS5vvHskk2rLYHx20LrRwPqk"
    "VHejJUbszsse2BstIRfXT2S98xXA8vqVvG5l"
)


def encrypt(text, *recipients):
    sink = io.BytesIO()
    with age.EncryptingWriter(sink, [age.parse_recipient(one) for one in recipients or (RECIPIENT,)]) as writer:
        writer.write(text)
    return sink.getvalue()


def decrypt(data, identity=IDENTITY):
    return age.DecryptingReader(io.BytesIO(data), age.parse_identities(identity)).readall()


def test_a_file_of_another_implementation_is_read():
    assert decrypt(OF_RAGE) == b"a secret\n" * 3


@pytest.mark.parametrize("length", [0, 1, age.CHUNK - 1, age.CHUNK, age.CHUNK + 1, 2 * age.CHUNK])
def test_every_length_round_trips(length):
    text = bytes(number % 251 for number in range(length))
    data = encrypt(text)
    assert decrypt(data) == text
    assert len(data) - length == len(encrypt(b"")) + 16 * max(0, -(-length // age.CHUNK) - 1)


def test_each_of_two_recipients_reads_it_and_nobody_else():
    (mine, public), (other, other_public), (stranger, _) = (age.create_identity() for _ in range(3))
    data = encrypt(b"late again", public, other_public)
    assert decrypt(data, mine) == decrypt(data, other) == b"late again"
    with pytest.raises(BadInput, match="not encrypted to its public key"):
        decrypt(data, stranger)


def test_every_changed_byte_is_noticed():
    data = encrypt(b"on time")
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises((UnsafeArtefact, BadInput)):
            decrypt(bytes(changed))


@pytest.mark.parametrize("chunks", [1, 2])
def test_a_file_that_was_cut_off_between_chunks_is_noticed(chunks):
    data = encrypt(bytes(3 * age.CHUNK))
    cut = len(encrypt(b"")) - 16 + chunks * (age.CHUNK + 16)
    with pytest.raises(UnsafeArtefact, match="cut off"):
        decrypt(data[:cut])


def test_an_abandoned_file_is_none():
    sink = io.BytesIO()
    writer = age.EncryptingWriter(sink, [age.parse_recipient(RECIPIENT)])
    writer.write(bytes(age.CHUNK + 1))
    writer.abandon()
    with pytest.raises(UnsafeArtefact):
        decrypt(sink.getvalue())


def test_a_mistyped_key_says_so():
    with pytest.raises(BadInput, match="checksum"):
        age.parse_recipient(RECIPIENT[:-1] + "q")
    with pytest.raises(BadInput, match="age1"):
        age.parse_recipient(IDENTITY)
    with pytest.raises(BadInput, match="AGE-SECRET-KEY-1"):
        age.parse_identities("# a comment\n\n")


def test_a_vector_of_the_standard():
    assert bech32.decode("A12UEL5L") == ("a", b"")
    assert bech32.encode("a", b"") == "a12uel5l"
    with pytest.raises(ValueError, match="mixed"):
        bech32.decode("A12uel5L")
