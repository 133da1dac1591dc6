"""What pictures and clips are like: traits, filmstrips, proxies."""
