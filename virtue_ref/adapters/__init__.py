"""VIRTUE as a model of other libraries; import a module only if its library is installed."""
