"""A real browser without a window, spoken to over its DevTools pipe: Chromium, where the machine has one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from support.server import clean_environment

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
ON_PIPE = 'exec "$@" 3<&"$IN" 4>&"$OUT"'
"""The browser reads its orders from descriptor 3 and answers on 4."""


class JavaScriptFault(Exception):
    """An expression threw, or the page went away under it."""


class Browser:
    """One tab. Keeps what the page complained of: errors, refusals by its policy, dialogs."""

    def __init__(self, profile: str) -> None:
        assert PROGRAM is not None
        orders_in, orders_out = _high_pipe()
        answers_in, answers_out = _high_pipe()
        self._process = subprocess.Popen(
            ["bash", "-c", ON_PIPE, "bash", PROGRAM, *QUIET, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(orders_in, answers_out),
            env=clean_environment(IN=str(orders_in), OUT=str(answers_out), HOME=profile),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(orders_in)
        os.close(answers_out)
        self._orders, self._answers = orders_out, answers_in
        self._number = 0
        self._received = b""
        self.complaints: list[str] = []
        self.requested: list[str] = []
        self._tab = ""
        targets = self._call("Target.getTargets")["targetInfos"]
        tab = next(target["targetId"] for target in targets if target["type"] == "page")
        self._tab = self._call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go to an address, as one typed by hand."""
        self._call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What an expression is on the page."""
        told = self._call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise JavaScriptFault(json.dumps(told["exceptionDetails"])[:1000])
        return told["result"].get("value")

    def until(self, expression: str, *, seconds: float = 20.0) -> None:
        """Wait for an expression to be true, over page loads too."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(JavaScriptFault):
                if self.value(expression):
                    return
            assert time.monotonic() < deadline, f"{expression} did not become true on {self.value('location.href')}"
            time.sleep(0.02)

    def cookies(self) -> list[dict[str, Any]]:
        """Those of the present page, HttpOnly ones too."""
        found: list[dict[str, Any]] = self._call("Network.getCookies")["cookies"]
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self._tab = ""
            self._call("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._orders)
        os.close(self._answers)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        order = {"id": number, "method": method, "params": parameters}
        if self._tab:
            order["sessionId"] = self._tab
        os.write(self._orders, json.dumps(order).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") != number:
                self._note(told)
            elif "error" in told:
                raise JavaScriptFault(f"{method}: {told['error']}")
            else:
                result: dict[str, Any] = told["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._received:
            poll = select.poll()
            poll.register(self._answers, select.POLLIN)
            assert poll.poll(30_000), "the browser does not answer"
            data = os.read(self._answers, 1 << 16)
            assert data, "the browser ended"
            self._received += data
        told, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(told)
        return message

    def _note(self, told: dict[str, Any]) -> None:
        method, parameters = told.get("method"), told.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(parameters["exceptionDetails"])[:1000])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialog: {parameters['message']}")
            self._number += 1
            order = {"id": self._number, "method": "Page.handleJavaScriptDialog", "sessionId": self._tab}
            os.write(self._orders, json.dumps({**order, "params": {"accept": False}}).encode() + b"\0")


@contextlib.contextmanager
def a_browser() -> Iterator[Browser]:
    """A browser with a profile of its own."""
    profile = tempfile.mkdtemp(prefix="amlet-browser-")
    try:
        browser = Browser(profile)
        try:
            yield browser
        finally:
            browser.close()
    finally:
        shutil.rmtree(profile, ignore_errors=True)


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends leave the low descriptors free, to be given to a child by number."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
