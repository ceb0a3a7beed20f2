"""Mail in, from the SMTP client to the ticket."""
