"""A day's takings at a site, by method."""
