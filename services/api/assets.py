"""Static files under addresses that change with their content, so that browsers may keep them."""

import gzip
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from flask import Flask, Response, request

from api.compression import SMALLEST_BYTES, answer_compressed

#: Letters of a content hash that an address carries.
HASH_DIGITS: Final = 12

_KEEP: Final = "public, max-age=31536000, immutable"
#: Of 1 to 9: more than for an answer that is compressed while somebody waits.
_LEVEL: Final = 6


class _Asset(NamedTuple):
    #: Time of the last change, in nanoseconds, and bytes.
    state: tuple[int, int]
    version: str
    #: By gzip; empty where the file is small.
    compressed: bytes


class Assets:
    """The files of one folder, read and compressed when the service starts, and again after a change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._assets: dict[str, _Asset] = {}
        for path in folder.rglob("*"):
            if path.is_file():
                self._asset(path.relative_to(folder).as_posix())

    def url(self, name: str) -> str:
        """Address of a file; without a hash where the file is missing."""
        asset = self._asset(name)
        return f"/static/{name}" + (f"?v={asset.version}" if asset else "")

    def finish(self, response: Response) -> Response:
        """Let a static file be kept for good if it was asked for by its hash, and compress it where that is wanted.

        An ``after_request`` function.
        """
        if request.endpoint == "static" and response.status_code in (200, 304):
            name = (request.view_args or {}).get("filename", "")
            asset = self._asset(name)
            kept = asset is not None and request.args.get("v") == asset.version
            response.headers["Cache-Control"] = _KEEP if kept else "no-cache"
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
    """Give the templates of ``app`` ``asset(name)``, and its static files their cache headers."""
    assert app.static_folder is not None
    assets = Assets(Path(app.static_folder))
    app.jinja_env.globals["asset"] = assets.url
    app.after_request(assets.finish)
    return assets
