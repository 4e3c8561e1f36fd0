"""The gateway: the directory of who and where, and the door every request comes through."""
