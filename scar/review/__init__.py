"""People inspect a corpus: a drawn part of it, a page that asks, and what their answers say of it."""
