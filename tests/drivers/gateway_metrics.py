"""The gateway's metrics about its servers."""

_SCRIPT = r"""
exec 3<>/dev/tcp/127.0.0.1/8404
printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
while read -r line; do echo "$line"; done <&3
"""
#: Command that prints the metrics in the gateway's container.
FETCH_METRICS = ("bash", "-c", _SCRIPT)


def servers_up(metrics: str, backend: str) -> int:
    """Return the number of healthy servers in a backend of the gateway."""
    marks = (f'haproxy_server_status{{proxy="{backend}"', 'state="UP"')
    return sum(1 for line in metrics.splitlines() if all(mark in line for mark in marks) and line.endswith(" 1"))
