"""Lets SIGTERM end a service that is still starting; each imports this before all else.

A container's first process has no default for signals: until the service has handlers of its own, which a small board
takes seconds to get to, SIGTERM would do nothing, and the container be killed at the end of its grace.
"""

import os
import signal

# Nothing is begun yet that would have to be ended.
signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
