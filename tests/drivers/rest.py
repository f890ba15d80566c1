"""A client of the REST interface and of the services' probes."""

from typing import Any

import requests


class Rest:
    """GET on one origin; every answer within ten seconds."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._session = requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        """The whole response."""
        return self._session.get(self.origin + path, headers=headers, timeout=30)

    def json(self, path: str) -> Any:
        """The body of a 200 response."""
        response = self.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text[:300]}"
        return response.json()

    def status(self, path: str) -> int:
        """The status, 0 where nothing answers."""
        try:
            return self.get(path).status_code
        except requests.ConnectionError:
            return 0

    def metric(self, name: str) -> float:
        """Sum of all series of one metric in ``/metrics``, whatever their labels."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            if line.startswith((name + " ", name + "{")):
                total += float(line.rpartition(" ")[2])
        return total

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
