"""What closed access costs the push, beside open access: a delivery, and a handshake."""
