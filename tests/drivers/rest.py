"""A client of the REST interface and of the services' probes."""

from typing import Any

import requests


class Rest:
    """Sends GET requests to one origin, with a timeout of ten seconds."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._session = requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        """Return the whole response."""
        return self._session.get(self.origin + path, headers=headers, timeout=30)

    def json(self, path: str) -> Any:
        """Return the body of a 200 response."""
        response = self.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:300]}"
        return response.json()

    def status(self, path: str) -> int:
        """Return the status code, 0 without an answer."""
        try:
            return self.get(path).status_code
        except requests.ConnectionError:
            return 0

    def metric(self, name: str) -> float:
        """Return the sum of all series of a metric in ``/metrics``."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            if line.startswith((name + " ", name + "{")):
                total += float(line.rpartition(" ")[2])
        return total

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
