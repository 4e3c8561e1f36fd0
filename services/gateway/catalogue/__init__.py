"""The operations of all services, as their OpenAPI documents state them (one committed JSON file each)."""
