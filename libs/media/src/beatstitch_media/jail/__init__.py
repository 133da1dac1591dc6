"""What stands between a child process and the machine: standard library only, no site-packages."""
