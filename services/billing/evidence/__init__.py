"""Fair-market-value opinions and counsel memos that a management fee stands on."""
