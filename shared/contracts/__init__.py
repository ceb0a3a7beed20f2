"""Words: the vocabulary, events, commands and policies every process agrees on."""
