"""`make cost`: dollars for a million delivered events, reckoned from measured figures and list prices."""
