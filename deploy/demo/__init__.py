"""The seed story and real tickets, played against a running stack through its public APIs only."""
