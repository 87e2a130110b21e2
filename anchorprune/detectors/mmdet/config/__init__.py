"""mmdet configs: read, completed, given explicit anchors, taken over and given back."""
