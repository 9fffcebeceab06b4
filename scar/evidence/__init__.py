"""What a picture shows: contact of masks, directions and ranks by boxes, its scene, and statements of people."""
