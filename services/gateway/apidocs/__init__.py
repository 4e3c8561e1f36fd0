"""The API as one document and one page: every service's operations under the public URLs."""
