"""Legal entities: business companies, physician-owned clinical entities, franchisees."""
