"""The three namespaces of Socket.IO, one module each: events for new clients, broadcasts, and requests."""
