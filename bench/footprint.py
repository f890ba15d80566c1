"""Memory and CPU of each process of the idle product, with open pages.

``python -m bench.footprint [--nodes 8] [--pages 3] [--seconds 60]`` prints a Markdown table. CPU is in percent of one
core; RSS is the kernel's figure at the end of the measured time.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.drivers.ports import free_port
from tests.drivers.process import python
from tests.drivers.rest import Rest
from tests.drivers.socket_client import SocketClient
from tests.drivers.waiting import eventually


def product_processes(root: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    """Yield name and process of each process that ``make run`` started, without the simulator, which is load."""
    for process in [root, *root.children(recursive=True)]:
        words = process.cmdline()
        module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
        if module != "simulator":
            yield re.sub(r"^deploy\.local$", "supervisor", module), process


def main() -> int:
    """Run the product, open pages, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=8, help="simulated nodes")
    parser.add_argument("--pages", type=int, default=3, help="open pages")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the measurement")
    options = parser.parse_args()
    port = free_port()
    env = {"PORT": str(port), "DEMO_NODES": str(options.nodes), "DATA_DIR": tempfile.mkdtemp(prefix="footprint-")}
    product = python("run", "deploy.local", env=env)
    product.start()
    rest = Rest(f"http://127.0.0.1:{port}")
    clients: list[SocketClient] = []
    try:
        eventually(lambda: len(rest.json("/api/cluster/nodes")) == options.nodes, within_seconds=60)
        for _ in range(options.pages):
            rest.get("/")
            clients.append(SocketClient(rest.origin, "/monitoring", "/health"))
        time.sleep(5)
        before = {
            process: sum(process.cpu_times()[:2]) for _, process in product_processes(psutil.Process(product.pid))
        }
        time.sleep(options.seconds)
        print(f"{options.nodes} nodes every 2 s, {options.pages} pages, {options.seconds:.0f} s\n")
        print("| process | RSS MB | CPU % of one core |\n|---|---|---|")
        total_rss = total_cpu = 0.0
        for name, process in product_processes(psutil.Process(product.pid)):
            rss = process.memory_info().rss / 1e6
            cpu = 100 * (sum(process.cpu_times()[:2]) - before[process]) / options.seconds
            total_rss, total_cpu = total_rss + rss, total_cpu + cpu
            print(f"| {name} | {rss:.1f} | {cpu:.2f} |")
        print(f"| **all** | **{total_rss:.1f}** | **{total_cpu:.2f}** |")
    finally:
        for client in clients:
            client.close()
        rest.close()
        product.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
