"""Where commands come from: the window is one, and each file here is another."""
