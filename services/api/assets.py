"""Static files. Their URLs change with their content, so that browsers may cache them."""

import gzip
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from flask import Flask, Response, request

from api.compression import SMALLEST_BYTES, answer_compressed

#: Digits of the content hash in a URL.
HASH_DIGITS: Final = 12

_CACHE_FOREVER: Final = "public, max-age=31536000, immutable"
#: gzip level, 1 to 9. Higher than for responses, which are compressed while a client waits.
_LEVEL: Final = 6


class _Asset(NamedTuple):
    #: Modification time in nanoseconds, and size in bytes.
    state: tuple[int, int]
    version: str
    #: The content, compressed with gzip. Empty for a small file.
    compressed: bytes


class Assets:
    """The files of one folder. Reads and compresses them at the start of the service, and again after a change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._assets: dict[str, _Asset] = {}
        for path in folder.rglob("*"):
            if path.is_file():
                self._asset(path.relative_to(folder).as_posix())

    def url(self, name: str) -> str:
        """Return the URL of a file. The URL of a missing file has no hash."""
        asset = self._asset(name)
        return f"/static/{name}" + (f"?v={asset.version}" if asset else "")

    def finish(self, response: Response) -> Response:
        """Let caches keep a static file whose URL has its hash, and compress the file if the client accepts gzip.

        An ``after_request`` function.
        """
        if request.endpoint == "static" and response.status_code in (200, 304):
            name = (request.view_args or {}).get("filename", "")
            asset = self._asset(name)
            kept = asset is not None and request.args.get("v") == asset.version
            response.headers["Cache-Control"] = _CACHE_FOREVER if kept else "no-cache"
            if asset is not None and asset.compressed and response.content_length == asset.state[1]:
                answer_compressed(response, asset.compressed)
        return response

    def _asset(self, name: str) -> _Asset | None:
        path = self._folder / name
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
            previous = self._assets.get(name)
            if previous is not None and previous.state == state:
                return previous
            content = path.read_bytes()
        except (OSError, ValueError):
            return None
        version = hashlib.sha256(content).hexdigest()[:HASH_DIGITS]
        compressed = gzip.compress(content, _LEVEL, mtime=0) if len(content) >= SMALLEST_BYTES else b""
        self._assets[name] = _Asset(state, version, compressed)
        return self._assets[name]


def serve_assets(app: Flask) -> Assets:
    """Add ``asset(name)`` to the templates of ``app``, and cache headers to its static files."""
    assert app.static_folder is not None
    assets = Assets(Path(app.static_folder))
    app.jinja_env.globals["asset"] = assets.url
    app.after_request(assets.finish)
    return assets
