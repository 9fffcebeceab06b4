"""VIRTUE as other libraries want it; each module needs its library, and nothing else imports them."""
