"""The workflows of `events/receivers/` in a real n8n. `make test-n8n` installs n8n and runs these tests."""
