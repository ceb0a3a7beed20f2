"""The local mail sink: takes every mail, delivers none, shows all, with the part of Mailpit's API we use."""
