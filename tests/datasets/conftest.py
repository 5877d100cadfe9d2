"""An empty cache and no network for each test, and a web server for downloads."""

import dataclasses
import hashlib
import http.server
import threading

import pytest
import requests

from companion import provenance
from companion.datasets import _fetch
from companion.datasets._fetch import Form


def _unreachable(address, **options):
    raise requests.ConnectionError("no network in tests")


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """Give each test an empty cache and no network."""
    monkeypatch.delenv("COMPANION_DATA", raising=False)
    monkeypatch.delenv("COMPANION_STRICT", raising=False)
    monkeypatch.setattr(_fetch, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(_fetch, "unreachable_hosts", set())
    monkeypatch.setattr(requests, "get", _unreachable)
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def noted(monkeypatch):
    """Collect the sources that are noted."""
    sources = []
    monkeypatch.setattr(provenance, "note_data", sources.append)
    return sources


@pytest.fixture
def files_in_cache(cache):
    """Return a function that lists what the cache holds."""
    return lambda: [path.name for path in cache.rglob("*") if path.is_file()]


@pytest.fixture
def put(cache):
    """Return a function that puts bytes where a data set's first file is looked for."""

    def write(module, contents, folder=cache):
        path = folder / module.DATA.files[0][0].path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
        return path

    return write


@pytest.fixture
def accept(monkeypatch):
    """Return a function that makes a data set of one file with these contents."""

    def change(module, contents, *addresses, path=None):
        path = path or module.DATA.files[0][0].path
        digest = hashlib.sha256(contents).hexdigest()
        forms = [Form(path, len(contents), digest, a) for a in addresses or [""]]
        changed = dataclasses.replace(module.DATA, files=(tuple(forms),))
        monkeypatch.setattr(module, "DATA", changed)

    return change


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what the server has for a path, piece by piece."""

    def do_GET(self):  # noqa: N802
        self.server.requests.append(self.path)
        status, length, pieces = self.server.answers.get(self.path, (404, 0, tuple))
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        for piece in pieces():
            self.wfile.write(piece)
            self.server.sent += len(piece)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    """A local web server."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.requests, self.sent = {}, [], 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def serve(self, path, body, status=200, length=None):
        """Answer with a body; return the address."""
        length = len(body) if length is None else length
        self.answers[path] = status, length, lambda: [body]
        return self.address(path)

    def stream(self, path, pieces):
        """Answer with what pieces() yields, without a length; return the address."""
        self.answers[path] = 200, None, pieces
        return self.address(path)

    def address(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request, client_address):
        """Say nothing of a client that has had enough."""


@pytest.fixture
def server(monkeypatch):
    """Serve on this machine; requests reaches it."""
    monkeypatch.setattr(requests, "get", requests.api.get)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    local = Server()
    yield local
    local.shutdown()
    local.server_close()
