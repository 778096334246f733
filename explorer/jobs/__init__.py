"""What takes a while beside a page or outlives it: progress, processes, their queue, and background threads."""
