"""README's pictures of the owner's page, and the command that takes them."""
