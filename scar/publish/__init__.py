"""What goes to the Hugging Face Hub and comes from it, for data sets and models alike."""
