"""Real tickets in quantity: fed through intake, worked to their close, and compared with what went in."""
