"""Evidence of a picture: geometry of boxes, occlusion of masks, and the scene."""
