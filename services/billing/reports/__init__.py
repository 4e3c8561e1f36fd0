"""What the books add up to."""
