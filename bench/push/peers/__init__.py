"""The other servers, written as their users would: each sends Redis's messages to all clients of ``/``."""
