"""Compare the cost of push between closed and open access."""
