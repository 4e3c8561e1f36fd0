"""Sales tax by state, locality and item class, as dated data."""
