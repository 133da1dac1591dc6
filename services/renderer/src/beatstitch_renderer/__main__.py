"""`python -m beatstitch_renderer` serves until SIGTERM."""

from beatstitch_renderer.main import main

main()
