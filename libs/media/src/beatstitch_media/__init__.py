"""ffprobe, ffmpeg and picture decoding behind one sandboxed runner."""
