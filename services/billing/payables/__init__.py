"""What procurement's facts do to the books."""
