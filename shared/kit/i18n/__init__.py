"""Languages of pages and mails: negotiation, translation, and formats by locale.

Every text that people read is written in English in the source and marked for translation; `catalogues/` has the
translations. Which language is used is a context variable, so macros, labels and filters need no parameter for it.
Nothing is exported here: `languages` is loaded by processes that show no text, and must not load the catalogues.
"""
