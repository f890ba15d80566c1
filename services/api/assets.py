"""Static files under addresses that change with their content, so that browsers may keep them."""

import hashlib
from pathlib import Path
from typing import Final

from flask import Flask, Response, request

#: Letters of a content hash that an address carries.
HASH_LETTERS: Final = 12
_KEEP: Final = "public, max-age=31536000, immutable"


class Assets:
    """The files of one folder; a hash is computed once for each state of a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashes: dict[str, tuple[tuple[int, int], str]] = {}

    def url(self, name: str) -> str:
        """Address of a file; without a hash where the file is missing."""
        version = self._version(name)
        return f"/static/{name}" + (f"?v={version}" if version else "")

    def cache(self, response: Response) -> Response:
        """Let a static file be kept for good if it was asked for by its hash; an ``after_request`` function."""
        if request.endpoint == "static" and response.status_code in (200, 304):
            name = (request.view_args or {}).get("filename", "")
            asked = request.args.get("v")
            kept = asked is not None and asked == self._version(name)
            response.headers["Cache-Control"] = _KEEP if kept else "no-cache"
        return response

    def _version(self, name: str) -> str | None:
        path = self._folder / name
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
            former = self._hashes.get(name)
            if former is not None and former[0] == state:
                return former[1]
            version = hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_LETTERS]
        except (OSError, ValueError):
            return None
        self._hashes[name] = (state, version)
        return version


def serve_assets(app: Flask) -> Assets:
    """Give the templates of ``app`` ``asset(name)``, and its static files their cache headers."""
    assert app.static_folder is not None
    assets = Assets(Path(app.static_folder))
    app.jinja_env.globals["asset"] = assets.url
    app.after_request(assets.cache)
    return assets
