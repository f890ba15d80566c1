"""The product as services of systemd: their units, and the programs that install and remove them."""
