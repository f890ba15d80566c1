"""What others notice while one address attacks."""
