"""The satisfaction survey: whom a mail about a resolution also asks how satisfied they are."""
