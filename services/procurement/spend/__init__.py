"""What was ordered, by site and month."""
