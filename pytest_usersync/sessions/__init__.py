"""Who a session is, and what becomes of its commits: roles, access tokens, nested transactions."""
