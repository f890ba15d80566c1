"""Access control: the credentials that the api issues and that the ws replicas check without asking the api.

A session is a signed cookie of a person; a token is the secret of a program. Each service validates both with the
shared signing key, the folder of tokens, and the revocations in Redis.
"""
