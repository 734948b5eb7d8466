"""Machines that are apart: network namespaces with addresses of their own, joined by a bridge, as by a switch."""

from __future__ import annotations

import contextlib
import os
import subprocess

import pytest

MISSING = "no network namespaces can be made on this machine"


class Networks:
    """A bridge that is this machine's end, and so many namespaces behind it. Needs root."""

    def __init__(self, count: int) -> None:
        part = os.getpid() % 250 + 1
        self._bridge = f"amlet{os.getpid() % 100_000}"
        self.names = [f"{self._bridge}n{number}" for number in range(count)]
        self.host = f"10.213.{part}.1"
        self.addresses = [f"10.213.{part}.{number + 2}" for number in range(count)]
        try:
            self._make()
        except (OSError, subprocess.CalledProcessError):
            self.close()
            pytest.skip(MISSING)

    def command_in(self, number: int) -> list[str]:
        """What a command begins with that is to run in a namespace."""
        return ["ip", "netns", "exec", self.names[number]]

    def close(self) -> None:
        """Let all go; what runs in a namespace has ended."""
        for name in self.names:
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                _ip("netns", "delete", name)
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            _ip("link", "delete", self._bridge)

    def _make(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.host}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number, (name, address) in enumerate(zip(self.names, self.addresses, strict=True)):
            plug = f"{self._bridge}p{number}"
            _ip("netns", "add", name)
            _ip("link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", plug, "master", self._bridge, "up")
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", name, "link", "set", device, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
