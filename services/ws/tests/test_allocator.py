import subprocess
import sys

ROUNDS = 20
#: Allocates and frees the memory of some rounds; prints the page faults of a round.
SCRIPT = f"""
import resource
from ws.allocator import keep_freed_memory
if KEEPS:
    keep_freed_memory()
def one_round():
    return [bytes(600_000) for _ in range(4)]
for _ in range(3):
    one_round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({ROUNDS}):
    one_round()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / {ROUNDS})
"""


def page_faults(*, keeps: bool) -> float:
    script = SCRIPT.replace("KEEPS", str(keeps))
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": ":".join(sys.path)}, stdout=subprocess.PIPE, check=True
    )
    return float(done.stdout)


def test_rounds_reuse_their_memory() -> None:
    assert page_faults(keeps=True) < 10 < page_faults(keeps=False)
