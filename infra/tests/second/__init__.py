"""Tests on the second stand-in for AWS, where tests use up a message's receives and hold calls to AWS up."""
