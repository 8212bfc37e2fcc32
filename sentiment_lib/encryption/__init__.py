"""Encryption to public keys in the format of age (https://age-encryption.org/v1), which the program `age` reads too."""
