"""The event machinery on real databases, real HTTP, a real broker and processes that are killed."""
