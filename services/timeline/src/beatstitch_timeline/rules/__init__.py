"""Where to cut: settings → beats → frames. Pure, in integers."""

from beatstitch_timeline.rules.plan import Plan, plan_video
from beatstitch_timeline.rules.span import Span, Trim

__all__ = ["Plan", "Span", "Trim", "plan_video"]
