"""Why a file can't be used, in words that name it."""

from __future__ import annotations

from beatstitch.v1 import failure_pb2
from beatstitch.v1.common_pb2 import MediaType
from beatstitch.v1.failure_pb2 import ErrorReason
from beatstitch.v1.info_service_pb2 import Limits
from beatstitch_core.errors import BeatStitchError
from beatstitch_media import verdict
from beatstitch_media.formats import AUDIO, IMAGE, VIDEO

_WHOLE_SHARE = 0.9


class Judge:
    """Judges one file.

    Args:
        name: The client's name of the file.
        limits: Sizes that are allowed.
    """

    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._limits = limits

    def blamed(self, error: BeatStitchError, damaged: str) -> BeatStitchError:
        """A child's error, with the file named and blamed for what the child died of."""
        blamed = verdict.is_inputs_fault(error)
        if blamed and error.reason == failure_pb2.ERROR_REASON_FFMPEG_FAILED:
            reason, text = failure_pb2.ERROR_REASON_INPUT_CORRUPT, f"{self._name} {damaged}"
        elif blamed:
            reason = failure_pb2.ERROR_REASON_INPUT_TOO_LARGE
            text = f"{self._name} needs too much memory to decode"
        elif error.message.startswith((self._name, "reading ")):
            return error
        else:
            reason, text = error.reason, f"{self._name}: {error.message}"
        return BeatStitchError(reason, text, metadata=error.metadata, stderr_tail=error.stderr_tail)

    def check_size(self, size: int, media_type: MediaType.ValueType) -> None:
        """Refuses a file with more bytes than its kind may have."""
        most = {
            IMAGE: self._limits.max_image_bytes,
            VIDEO: self._limits.max_video_bytes,
            AUDIO: self._limits.max_audio_bytes,
        }[media_type]
        if size > most:
            raise self.too_large(f"has {size:,} bytes; at most {most:,} are allowed")

    def check_seconds(self, seconds: float) -> None:
        """Refuses what lasts too long."""
        most = self._limits.max_video_seconds
        if seconds > most:
            raise self.too_large(f"is {seconds:,.0f} s long; at most {most:,} s are allowed")

    def check_whole(self, found: float, promised: float) -> None:
        """Refuses a file that lost a tenth or more; a little less counts as what is there."""
        if found < _WHOLE_SHARE * promised - 0.5:
            raise self.corrupt(f"ends early: {found:.1f} s of {promised:.1f} s are there")

    def _error(self, reason: ErrorReason.ValueType, text: str) -> BeatStitchError:
        return BeatStitchError(reason, f"{self._name} {text}")

    def unsupported(self, text: str) -> BeatStitchError:
        """INPUT_UNSUPPORTED; the text goes on after the file's name."""
        return self._error(failure_pb2.ERROR_REASON_INPUT_UNSUPPORTED, text)

    def corrupt(self, text: str) -> BeatStitchError:
        """INPUT_CORRUPT; the text goes on after the file's name."""
        return self._error(failure_pb2.ERROR_REASON_INPUT_CORRUPT, text)

    def too_large(self, text: str) -> BeatStitchError:
        """INPUT_TOO_LARGE; the text goes on after the file's name."""
        return self._error(failure_pb2.ERROR_REASON_INPUT_TOO_LARGE, text)
