"""Savings interest for a book of accounts: read, cleaned, reconciled to the cent and published whole or not at all."""

__version__ = "0.1.0"
