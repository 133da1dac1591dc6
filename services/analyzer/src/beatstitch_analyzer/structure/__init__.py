"""The form of a song around its beats: how loud and marked they are, bars, sections, doubts."""
