"""Training with mmengine's runner: recipes, starts, hooks, several processes."""
