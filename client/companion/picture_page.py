"""The page that shows what detectors find in pictures."""

from choosing import choose_confidence, choose_detectors, choose_pictures
from session import Session, Visit
from showing import show_comparison, show_objects, show_pictures


def show(visit: Visit) -> None:
    """Choose pictures and detectors, and show the answers."""
    pictures = choose_pictures(visit.surroundings.samples)
    if visit.offer is None:
        return
    models = choose_detectors(visit.offer)
    confidence = choose_confidence()
    Session.current().keep_views(pictures)
    findings = show_pictures(visit.server, pictures, models, confidence)
    if findings:
        show_comparison(findings, confidence)
        show_objects(findings, confidence)
