"""The terms of a management fee, and the guard over them."""
