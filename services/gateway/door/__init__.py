"""The door: from a URL and a caller to a decided request, and on to the service."""
