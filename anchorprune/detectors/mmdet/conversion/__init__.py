"""A stranger's mmdet detector made prunable, and back: looked over, converted, its checkpoint loaded."""
