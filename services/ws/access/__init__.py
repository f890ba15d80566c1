"""Access of clients: who may connect, to which namespace, and how many resources a client may use.

Broadcasts run no code of this package. Credentials are checked when a client joins a namespace, and again after a
revocation.
"""
