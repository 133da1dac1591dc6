"""`python -m beatstitch_gateway`."""

from beatstitch_gateway.main import main

if __name__ == "__main__":
    main()
