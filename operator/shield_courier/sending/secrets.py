"""Users' Secrets, read anew for each delivery, from where the kubelet keeps them."""

import os
from dataclasses import dataclass
from pathlib import Path

from shield_proxy.config.alerts.alert import SecretKey

MOST_BYTES = 1 << 20
"""A Secret has no more."""


class SecretProblem(Exception):
    """A Secret that can't be used; says which one, and which key of it, and nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Files SECRET/KEY below a directory."""

    directory: Path

    def text(self, key: SecretKey) -> str:
        """The value without white space around it: one line of printable ASCII. SecretProblem."""
        value = self._read(key).strip()
        if not value:
            raise SecretProblem(f"{_name(key)} is empty")
        if not value.isascii() or not value.decode("ascii").isprintable():
            raise SecretProblem(f"{_name(key)} must be one line of printable ASCII")
        return value.decode("ascii")

    def word(self, key: SecretKey) -> str:
        """A user name or password: one line of UTF-8, of which a line break at its end is no part. SecretProblem."""
        try:
            value = self._read(key).decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise SecretProblem(f"{_name(key)} must be UTF-8") from None
        if not value:
            raise SecretProblem(f"{_name(key)} is empty")
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
            raise SecretProblem(f"{_name(key)} must be one line")
        return value

    def pem(self, key: SecretKey) -> str:
        """Certificates. SecretProblem."""
        try:
            return self._read(key).decode("ascii")
        except UnicodeDecodeError:
            raise SecretProblem(f"{_name(key)} must be certificates in PEM") from None

    def version(self) -> tuple[str, int]:
        """Differs once the kubelet has changed anything: it turns a link round for all of them."""
        try:
            return os.readlink(self.directory / "..data"), 0
        except OSError:
            pass
        try:
            return "", os.stat(self.directory).st_mtime_ns
        except OSError:
            return "", 0

    def _read(self, key: SecretKey) -> bytes:
        try:
            with (self.directory / key.path).open("rb") as file:
                value = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            raise SecretProblem(f"{_name(key)} does not exist, or has not arrived yet") from None
        except OSError as error:
            raise SecretProblem(f"{_name(key)} can't be read: {error.strerror}") from None
        if len(value) > MOST_BYTES:
            raise SecretProblem(f"{_name(key)} has more than {MOST_BYTES} bytes")
        return value


def _name(key: SecretKey) -> str:
    return f"key {key.key} of Secret {key.secret}"
