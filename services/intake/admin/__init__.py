"""The API by which the help desk's way in is set up, for keys with the scope `admin`."""
