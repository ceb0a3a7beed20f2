"""Who may call and who may read: API keys, signed links, verified addresses, receipts."""
