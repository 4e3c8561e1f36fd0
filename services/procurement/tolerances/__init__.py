"""How far receipts and bills may differ from the order."""
