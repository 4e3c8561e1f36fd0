"""Patient accounts: who owes, sealed at rest."""
