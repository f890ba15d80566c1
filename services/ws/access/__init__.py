"""Who may connect, to which namespace, and how much of everything one client may take.

Nothing here is on the way of a broadcast: credentials are checked once a namespace, and again when something is
revoked.
"""
