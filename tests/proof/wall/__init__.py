"""Attacks on tenancy and on the wall, generated from the operation catalogue and the models: `make prove-wall`."""
