"""The catalogues of translations: extraction from the source, and what they must satisfy."""
