"""A JupyterLab of the tests' own, and a listener for what gets out of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "the-token-of-the-server"  # noqa: S105 (the server's, for a minute, on loopback)
_START_SECONDS = 240


class Listener:
    """An attacker's server: it answers everything, and remembers who called."""

    def __init__(self) -> None:
        hits = self.hits = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hits.append(self.path)
                self.send_response(200)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT = do_OPTIONS = do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def heard(self) -> set[str]:
        """The first part of every path that was asked for."""
        return {path.split("?")[0].split("/")[1] for path in self.hits}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Lab:
    """A server with JupyterLab and Notebook. ``environment``: what its kernels get as well."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.files = directory / "files"
        self.files.mkdir()
        self._log = (directory / "log").open("w")
        settings = directory / "settings" / "@jupyterlab" / "notebook-extension"
        settings.mkdir(parents=True)  # every cell of a page exists, also the ones out of sight
        (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
        homes = ("CONFIG", "RUNTIME", "DATA")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *(
                    "--ServerApp.ip=127.0.0.1",
                    "--ServerApp.port=0",
                    "--LabApp.expose_app_in_browser=True",
                    "--JupyterNotebookApp.expose_app_in_browser=True",
                ),
                *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.files}"),
                *(
                    "--LabApp.news_url=None",
                    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                ),
                "--KernelSpecManager.ensure_native_kernel=True",
            ],
            env={
                **os.environ,
                **environment,
                **{f"JUPYTER_{name}_DIR": str(directory / name.lower()) for name in homes},
                "JUPYTERLAB_SETTINGS_DIR": str(directory / "settings"),
                "JUPYTERLAB_WORKSPACES_DIR": str(directory / "workspaces"),
            },
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.url = self._wait()

    def _wait(self) -> str:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            for path in (self.directory / "runtime").glob("jpserver-*.json"):
                try:
                    url = str(json.loads(path.read_text())["url"])
                    urllib.request.urlopen(f"{url}api?token={TOKEN}")  # noqa: S310
                except (OSError, ValueError):
                    continue
                return url
            time.sleep(0.1)
        self.close()
        raise RuntimeError(f"JupyterLab does not start: {(self.directory / 'log').read_text()}")

    def notebook(self, name: str, kernel: str) -> None:
        """Write a notebook with one empty cell."""
        cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": [], "id": "first"}
        spec = {"name": kernel, "display_name": kernel, "language": "python"}
        made = {"cells": [{**cell, "execution_count": None}], "metadata": {"kernelspec": spec}}
        text = json.dumps({**made, "nbformat": 4, "nbformat_minor": 5})
        (self.files / name).write_text(text)

    def cells(self, name: str) -> int:
        """How many cells a notebook has on the disk."""
        return len(json.loads((self.files / name).read_text())["cells"])

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
