"""VIRTUE as a model of other libraries. Import a module here only if its library is installed."""
