"""The product as services of systemd, around the clock and without Docker: units, and who installs and removes them."""
