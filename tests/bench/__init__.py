"""`make bench`: the platform measured beside the same SQL through raw psycopg, in one run."""
