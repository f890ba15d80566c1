"""The alert rules, and the alerts that the rules make from the observed nodes."""
