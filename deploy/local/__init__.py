"""The platform on one machine without servers: embedded PostgreSQL, feeds instead of a broker."""
