"""Let SIGTERM end a service that is still starting. Each service imports this module first.

The first process of a container ignores signals without a handler. On a small board a service takes seconds to install
its own handlers. Without this module, SIGTERM would have no effect in that time, and the container would be killed
after its grace period.
"""

import os
import signal

# The service has not started anything that needs a clean stop.
signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
