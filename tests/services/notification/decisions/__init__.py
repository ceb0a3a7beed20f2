"""Who is told what, by which mail."""
