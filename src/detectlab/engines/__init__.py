"""One module per inference runtime: nothing else imports one."""
