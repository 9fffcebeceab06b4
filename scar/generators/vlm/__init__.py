"""Captions by a vision-language model: requests, a ledger of what was answered, and the generators that use them."""
