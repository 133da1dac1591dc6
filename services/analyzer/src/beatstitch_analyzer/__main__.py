"""`python -m beatstitch_analyzer` serves until SIGTERM."""

from beatstitch_analyzer.main import main

main()
