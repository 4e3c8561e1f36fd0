"""What must be in order before somebody works a shift."""
