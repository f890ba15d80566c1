"""The ends of a WebSocket, as RFC 6455 and its registry number them; on all of these clients connect again.

Those who are to stay away have been told so by Socket.IO before.
"""

from typing import Final

GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
POLICY_VIOLATION: Final = 1008
MESSAGE_TOO_BIG: Final = 1009
TRY_AGAIN_LATER: Final = 1013
