"""What heads of torchvision have in common only in part: SSDs, whose levels are apart, and RetinaNets, which share."""
