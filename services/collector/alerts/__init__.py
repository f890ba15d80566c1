"""The alert rules, and the alerts that they make of what is seen on the nodes."""
