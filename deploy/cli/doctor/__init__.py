"""`everdesk doctor`: looks at every part that the system rests on, and says what is wrong and how to mend it."""
