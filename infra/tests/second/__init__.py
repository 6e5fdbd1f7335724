"""Tests on the second stand-in for AWS, whose messages can be worn out and whose calls can be held up."""
