"""The story, a scene for each part of the business."""
