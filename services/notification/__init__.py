"""Who was told what, and when."""
