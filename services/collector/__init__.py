"""The collector: scrapes the nodes, judges them by the alert rules, publishes through Redis."""
