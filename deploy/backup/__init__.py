"""A backup of everything the platform cannot make anew, and its restore into an empty place."""
