"""The ws replicas: each replica follows Redis and pushes every change to the browsers that are connected to it."""
