"""What a picture shows, by the geometry of its boxes, the occlusion of its masks, and a vote on its scene."""
