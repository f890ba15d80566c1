"""Who may do what: the credentials that the api gives out and the push replicas check without asking it.

A session is a signed cookie of a person, a token a secret of a program. Both services find out by themselves whether
one is valid: by the shared key, the folder of tokens, and what Redis says was revoked.
"""
