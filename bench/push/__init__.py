"""A comparison of the push path with other servers: same work, one core for the server, another for the load."""
