"""The three namespaces of Socket.IO, one module each: what a client is sent at once, and what it may ask for."""
