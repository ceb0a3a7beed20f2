"""Canned responses: their variables, who may use which, and what one says for a ticket.

For the reply editor, in `responses`: `responses_for(session, caller, ticket)` lists what fits a ticket, and
`rendered_for(session, caller, reference, response_id)` fills one in. What comes back is Markdown to be put into the
editor, not HTML.
"""
