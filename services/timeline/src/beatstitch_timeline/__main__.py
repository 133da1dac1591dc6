"""`python -m beatstitch_timeline` serves until SIGTERM."""

from beatstitch_timeline.main import main

main()
