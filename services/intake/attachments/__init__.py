"""Files that come with requests: taken in, attached, scanned, served and cleared away."""
