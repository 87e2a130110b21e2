"""mmdet configs: read, completed, given explicit anchors."""
