"""``python -m tests.drivers.short_limits MODULE`` runs one of our services with short time limits."""

import os
import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Final

#: Value of ``Stack.runner`` for services with the limits below.
SHORT_LIMITS_RUNNER: Final = ("tests.drivers.short_limits",)
#: Long enough for all clients of a test to arrive before the first one is disconnected.
SECONDS: Final = 10
#: The time limits of each module.
LIMITS: Final[dict[str, dict[str, int]]] = {
    "api.server": {"KEEP_ALIVE_SECONDS": SECONDS},
    "api.redis_connection": {"UP_SECONDS": SECONDS // 10},
    "api.worker": {"REQUEST_SECONDS": SECONDS, "READ_SECONDS": SECONDS},
    "contract.names": {"PRESENCE_TTL_SECONDS": SECONDS // 3, "PRESENCE_REFRESH_SECONDS": SECONDS // 10},
    "ws.feed": {"QUIET_SECONDS": SECONDS // 10},
    "ws.engine.server": {"MESSAGE_SECONDS": SECONDS},
    "ws.engine.polling": {"POLL_SECONDS": SECONDS},
    "ws.loop.limits": {
        "KEEPALIVE_SECONDS": SECONDS,
        "SOCKET_TIMEOUT_SECONDS": SECONDS,
        "HEAD_SECONDS": SECONDS,
        "BODY_SECONDS": SECONDS,
    },
}


class _LimitSetter:
    """Sets the limits of a module after its import."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        limits = LIMITS.get(name)
        spec = PathFinder.find_spec(name, path, target) if limits else None
        if limits is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_set(module: ModuleType) -> None:
            execute(module)
            assert limits.keys() <= vars(module).keys(), f"{name} has no such limits any more: {limits}"
            vars(module).update(limits)

        spec.loader.exec_module = execute_and_set  # type: ignore[method-assign]
        return spec


if __name__ == "__main__":
    for variable in ("WS_PING_INTERVAL_SECONDS", "WS_PING_TIMEOUT_SECONDS"):
        os.environ.setdefault(variable, str(SECONDS // 2))
    sys.meta_path.insert(0, _LimitSetter())
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
