"""What writes captions: true ones and hard negatives."""
