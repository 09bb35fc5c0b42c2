"""Web functions inside their containers: requests come as inputs, and apps answer them (web.kinds)."""
