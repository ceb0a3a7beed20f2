"""What every part of Everdesk shares: words (contracts), rules (domain) and pipes (kit)."""
