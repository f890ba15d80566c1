"""What others notice while many clients send and read slowly."""
