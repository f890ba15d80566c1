"""The servers that ours is compared with, each as its users write it: Redis's messages to all clients of ``/``."""
