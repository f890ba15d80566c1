"""python-socketio's own way to the clients, for the day on which the fast way does not work on a new version of it."""
