"""What each verb of the command line does, beside playing and rendering."""
