"""Chromium, driven over the WebDriver protocol (https://www.w3.org/TR/webdriver2/) with the standard library alone."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, fixed by the protocol
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
          "--disable-background-networking", "--disable-component-update", "--hide-scrollbars")  # fmt: skip


def programs() -> tuple[str, str] | None:
    """(chromedriver, browser), or None where one of them is missing."""
    driver = shutil.which("chromedriver")
    browser = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    return (driver, browser) if driver and browser else None


class Browser:
    """A window. Every method is one or a few commands of the protocol."""

    def __init__(self, port: int, browser: str) -> None:
        self.base = f"http://127.0.0.1:{port}"
        options = {"binary": browser, "args": list(_FLAGS)}
        logs = {"browser": "ALL", "performance": "ALL"}
        asked = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs}}
        session = self._send("POST", "/session", {"capabilities": asked})
        self.base += f"/session/{session['sessionId']}"

    def _send(self, method: str, path: str, data: Any = None) -> Any:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.base + path, body, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def cdp(self, command: str, **params: Any) -> Any:
        return self._send("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, page: Path, width: int = 1280, dark: bool = False) -> None:
        """A page at a width, in one of the two colour schemes."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.cdp("Emulation.setEmulatedMedia", media="", features=scheme)
        self._send("POST", "/url", {"url": page.resolve().as_uri()})

    def run(self, script: str, *args: Any) -> Any:
        """What a script returns."""
        return self._send("POST", "/execute/sync", {"script": script, "args": list(args)})

    def point(self, x: float, y: float) -> None:
        """Move the pointer there."""
        move = {"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}
        self._send("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [move]}]})

    def click(self, selector: str) -> None:
        found = self._send("POST", "/element", {"using": "css selector", "value": selector})
        self._send("POST", f"/element/{found[ELEMENT]}/click", {})

    def type(self, selector: str, text: str) -> None:
        found = self._send("POST", "/element", {"using": "css selector", "value": selector})
        self._send("POST", f"/element/{found[ELEMENT]}/value", {"text": text})

    def logs(self, kind: str) -> list[Any]:
        """browser: what the console says; performance: what the network does."""
        return list(self._send("POST", "/se/log", {"type": kind}))

    def picture(self, whole: bool = True) -> bytes:
        """PNG of the whole page."""
        shot = self.cdp("Page.captureScreenshot", captureBeyondViewport=whole, format="png")
        return base64.b64decode(shot["data"])

    def pdf(self) -> bytes:
        """The page, printed on A4."""
        paper = {"width": 21.0, "height": 29.7}
        return base64.b64decode(self._send("POST", "/print", {"page": paper, "background": True}))

    def close(self) -> None:
        self._send("DELETE", "")


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser for the time of a block."""
    found = programs()
    assert found is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([found[0], f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("127.0.0.1", port), 0.1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            browser = Browser(port, found[1])
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
