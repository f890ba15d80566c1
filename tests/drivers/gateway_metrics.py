"""What the gateway says of the replicas behind it."""

_SCRIPT = r"""
exec 3<>/dev/tcp/127.0.0.1/8404
printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
while read -r line; do echo "$line"; done <&3
"""
#: Run in its container, this prints its metrics.
FETCH_METRICS = ("bash", "-c", _SCRIPT)


def servers_up(metrics: str, backend: str) -> int:
    """Servers of a backend that the gateway takes for well."""
    marks = (f'haproxy_server_status{{proxy="{backend}"', 'state="UP"')
    return sum(1 for line in metrics.splitlines() if all(mark in line for mark in marks) and line.endswith(" 1"))
