"""What a picture shows: where things are, what hides what, which scene it is."""
