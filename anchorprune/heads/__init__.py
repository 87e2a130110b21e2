"""What everything speaks of: heads and layouts, their costs, candidates before NMS, which channels an anchor has."""
