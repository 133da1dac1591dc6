"""The seed's worked examples, and the exact shape of what comes out."""

from __future__ import annotations

from beatstitch.v1 import edl_pb2, timeline_pb2, timeline_rules_pb2
from beatstitch.v1.timeline_pb2 import TimelineSettings
from beatstitch_core.canonical import canonical_json, edl_hash, message_hash
from beatstitch_core.edl_invariants import validate_edl
from beatstitch_timeline.builder import build, build_edl, check_built

FOUR = TimelineSettings(beats_per_cut=4)


def beats(count: int, every_us: int = 500_000) -> list[int]:
    return [i * every_us for i in range(count)]


def test_sixteen_beats_image_and_video_make_four_segments(make):
    media = [make.image(), make.clip()]
    edl = build_edl("p", make.song(), make.grid(beats(16), 8_000_000), media, FOUR)
    assert edl.version == "1.0"
    assert [s.media_asset_id for s in edl.segments] == ["photo", "clip", "photo", "clip"]
    assert [s.timeline_in_ms for s in edl.segments] == [0, 2000, 4000, 6000]
    assert [s.timeline_out_ms for s in edl.segments] == [2000, 4000, 6000, 8000]
    assert [s.render_duration_ms for s in edl.segments] == [2000] * 4
    assert [s.timeline_in_frame for s in edl.segments] == [0, 60, 120, 180]
    assert [s.cut.beat_index for s in edl.segments] == [0, 4, 8, 12]
    check_built(edl, media)


def test_twelve_beats_and_one_image_make_three_segments_on_it(make):
    edl = build_edl("p", make.song(), make.grid(beats(12), 6_000_000), [make.image()], FOUR)
    assert [s.media_asset_id for s in edl.segments] == ["photo"] * 3
    assert edl.segments[-1].timeline_out_ms == 6000


def test_two_beats_make_one_segment(make):
    grid = make.grid([0, 2_000_000], 2_000_000)
    edl = build_edl("p", make.song(), grid, [make.image()], FOUR)
    assert len(edl.segments) == 1
    assert edl.segments[0].render_duration_ms == 2000


def test_no_path_or_url_is_in_the_document(make):
    media = [make.image(), make.clip()]
    edl = build_edl("p", make.song(), make.grid(beats(16), 8_000_000), media, FOUR)
    text = canonical_json(edl).decode()
    assert "t/default" not in text
    assert ".bin" not in text
    assert "source_path" not in text


def test_everything_is_said_and_nothing_left_to_defaults(make):
    grid = make.grid(beats(16), 8_000_000)
    edl = build_edl("p", make.song(), grid, [make.image(), make.clip()], TimelineSettings())
    assert edl.output.frame_rate.den == 1
    assert edl.audio.duration_us == 8_000_000
    assert edl.beat_grid_sha256 == message_hash(grid)
    photo, clip = edl.segments[0], edl.segments[1]
    assert photo.fit == clip.fit == edl_pb2.FIT_COVER
    assert photo.transition_in.type == edl_pb2.TRANSITION_TYPE_CUT
    assert photo.effect.HasField("ken_burns")
    assert not clip.HasField("effect")
    assert clip.fill == edl_pb2.FILL_POLICY_LOOP
    assert photo.fill == edl_pb2.FILL_POLICY_UNSPECIFIED
    assert (clip.source_in_us, clip.source_out_us) == (0, 2_000_000)
    assert edl.segments[3].source_in_us == 2_000_000


def test_the_lead_in_belongs_to_the_first_segment(make):
    grid = make.grid([1_200_000 + t for t in beats(12)], 8_000_000)
    edl = build_edl("p", make.song(), grid, [make.image()], FOUR)
    first = edl.segments[0]
    assert (first.timeline_in_frame, first.timeline_out_frame) == (0, 96)
    assert (first.cut.beat_index, first.cut.beat_time_us) == (-1, 0)
    assert first.cut.rule == edl_pb2.CUT_RULE_START
    assert edl.segments[1].cut.beat_index == 4
    assert edl.segments[1].cut.beat_time_us == 3_200_000


def test_a_trim_counts_its_own_beats_and_keeps_the_songs_times(make):
    grid = make.grid(beats(40), 20_000_000)
    settings = TimelineSettings(audio_start_us=5_250_000, audio_end_us=10_000_000)
    edl = build_edl("p", make.song(), grid, [make.image()], settings)
    assert edl.audio.offset_us == 5_250_000
    assert edl.audio.duration_us == 4_750_000
    # First beat inside: number 11 at 5.5 s; the next cut is 4 beats later, 7.5 s into the song.
    assert [s.cut.beat_index for s in edl.segments] == [-1, 15, 19]
    assert [s.timeline_in_frame for s in edl.segments] == [0, 68, 128]
    assert edl.segments[-1].timeline_out_frame == 143
    assert not validate_edl(edl)


def test_same_inputs_same_hash_other_seed_other_hash(make):
    grid, media = make.grid(beats(16), 8_000_000), [make.image(), make.clip()]
    hashes = {
        edl_hash(build_edl("p", make.song(), grid, media, TimelineSettings(seed=seed)))
        for seed in (1, 1, 2, 3)
    }
    assert len(hashes) == 3


def test_other_names_of_files_make_no_other_edl(make):
    grid, one, other = make.grid(beats(16), 8_000_000), make.image(), make.image()
    other.filename, other.object.key = "holiday.jpg", "elsewhere"
    assert build_edl("p", make.song(), grid, [one], FOUR) == build_edl(
        "p", make.song(), grid, [other], FOUR
    )


def test_no_drift_over_a_thousand_cuts_at_174_bpm_and_ntsc(make):
    # 60/174 s is no whole number of microseconds: the grid itself rounds each beat once.
    times = [round(i * 60_000_000 / 174) for i in range(1_001)]
    settings = TimelineSettings(beats_per_cut=1)
    settings.output.frame_rate.num, settings.output.frame_rate.den = 30_000, 1_001
    duration = times[-1] + 400_000
    edl = build_edl("p", make.song(), make.grid(times, duration), [make.image()], settings)
    assert len(edl.segments) == 1_001
    for i, segment in enumerate(edl.segments):
        exact = i * 60 / 174 * 30_000 / 1_001
        assert abs(segment.timeline_in_frame - exact) <= 0.5 + 1e-4


def test_the_builders_choices_change_on_purpose_only(make):
    """Another hash here means that every timeline built again becomes another one."""
    media = [make.image(), make.clip()]
    edl = build_edl(make.PROJECT, make.song(), make.grid(beats(16), 8_000_000), media, FOUR)
    assert edl_hash(edl) == "6c0325a5e86c3e2139bb19197f22fbae47cfa6fdd87c4b1ac41514e32e996769"


def test_what_rules_make_changes_on_purpose_only(make):
    media = [make.image(), make.clip(duration_us=30_000_000), make.image("portrait", (3000, 4000))]
    media[2].traits.schema_version = "1.0"
    media[2].traits.focus_x, media[2].traits.focus_y = 30_000, 12_000
    grid = make.grid(beats(96), 48_000_000)
    for k, (label, energy) in enumerate([("A", 0.2), ("B", 0.7), ("C", 1.0)]):
        section = grid.sections.add(start_us=k * 16_000_000, end_us=(k + 1) * 16_000_000)
        section.label, section.energy = label, energy
    wish = TimelineSettings(
        cut={"bar_beats": {"beat_numbers": [1], "every_n_bars": 2}},
        section_rules=[
            {"label": "B", "cut": {"build_up": {}}},
            {
                "energy": {"from_permille": 900},
                "cut": {"lengths": {"beats": [3, 3, 2]}},
                "transition": {"type": edl_pb2.TRANSITION_TYPE_PUSH, "frames": 6},
            },
        ],
        transition={
            "type": edl_pb2.TRANSITION_TYPE_CROSSFADE,
            "align": edl_pb2.TRANSITION_ALIGN_CENTRE,
        },
        fit=edl_pb2.FIT_FOCUS,
        image_motion=timeline_pb2.IMAGE_MOTION_ZOOM_TO_FOCUS,
        shortest_shot_us=900_000,
        longest_shot_us=3_000_000,
        end_align=timeline_rules_pb2.END_ALIGN_BAR,
        accents=[{"type": edl_pb2.ACCENT_TYPE_PUNCH_IN}],
        speed_ramp={"peak_permille": 2500},
    )
    edl = build(make.PROJECT, make.song(), grid, media, wish).edl
    assert edl.audio.duration_us == 46_000_000
    assert edl_hash(edl) == "49dba83e1f617b8d53dd60ac276079b85181057535dc4b8351231b43af383ba7"
